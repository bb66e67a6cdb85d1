// Words for people, by language. Plugins add theirs through `Texts` contributions.
import en from "./texts/en.js";
import zh from "./texts/zh.js";

const own = { en, zh };
let contributed = { en: {}, zh: {} };

/** 'zh' or 'en'. */
export function language() {
  return document.documentElement.lang.startsWith("zh") ? "zh" : "en";
}

/** Choose and remember a language; the page listens for `tulou-language`. */
export function setLanguage(code) {
  document.documentElement.lang = code === "zh" ? "zh-CN" : "en";
  try {
    localStorage.setItem("tulou.language", code);
  } catch {
    // storage is switched off: the choice lasts as long as the page
  }
  dispatchEvent(new Event("tulou-language"));
}

/** Texts of plugins; the shell's own keys cannot be replaced. */
export function addTexts(texts) {
  contributed = { en: texts.en ?? {}, zh: texts.zh ?? {} };
}

/** The text of a key in the page's language, with {name} replaced; else English; else the key. */
export function t(key, values = {}) {
  const code = language();
  const text = own[code][key] ?? contributed[code][key] ?? own.en[key] ?? contributed.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** The text of a plugin's key in the page's language, else English; else null. */
export function contributedText(key, values) {
  return key in contributed[language()] || key in contributed.en ? t(key, values) : null;
}

/** Whether there is a text of ours for a key. */
export function known(key) {
  return key in own.en;
}
