// Runs before the first paint, so that a chosen theme or language does not flash in late.
(() => {
  const root = document.documentElement;
  const kept = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // storage is switched off: choices last as long as the page
    }
  };
  const theme = kept("tulou.theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  const browser = /^zh\b/i.test(navigator.language) ? "zh" : "en";
  const language = kept("tulou.language") || root.dataset.preferredLanguage || browser;
  root.lang = language === "zh" ? "zh-CN" : "en";
})();
