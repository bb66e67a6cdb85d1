// Times, names and colours as people see them.
import { language, t } from "./texts.js";

const DAY = 86_400_000;

function startOfDay(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate());
}

/** Days between two moments as the calendar counts them. */
export function daysBetween(earlier, later) {
  return Math.round((startOfDay(later) - startOfDay(earlier)) / DAY);
}

/** Microseconds since 1970 as a Date. */
export function dateOf(microseconds) {
  return new Date(microseconds / 1000);
}

function formatted(date, options) {
  return new Intl.DateTimeFormat(language() === "zh" ? "zh-CN" : "en-GB", options).format(date);
}

/** 14:05 */
export function clockTime(date) {
  return formatted(date, { hour: "2-digit", minute: "2-digit", hour12: false });
}

/** For the conversation list: the time today, then yesterday, the weekday, the date. */
export function shortTime(date, now = new Date()) {
  const days = daysBetween(date, now);
  if (days <= 0) return clockTime(date);
  if (days === 1) return t("time.yesterday");
  if (days < 7) return formatted(date, { weekday: "short" });
  if (date.getFullYear() === now.getFullYear()) return formatted(date, { month: "numeric", day: "numeric" });
  return formatted(date, { year: "numeric", month: "numeric", day: "numeric" });
}

/** For separators between days. */
export function dayName(date, now = new Date()) {
  const days = daysBetween(date, now);
  if (days <= 0) return t("time.today");
  if (days === 1) return t("time.yesterday");
  const options = { month: "long", day: "numeric", weekday: "long" };
  if (date.getFullYear() !== now.getFullYear()) options.year = "numeric";
  return formatted(date, options);
}

/** For tool tips. */
export function fullTime(date) {
  return formatted(date, { dateStyle: "full", timeStyle: "medium" });
}

/** The part of an address before the @. */
export function localPart(address) {
  return address.split("@")[0] || address;
}

/** One or two letters for an avatar: the end of a Chinese name, initials of others. */
export function initials(name) {
  const text = name.trim();
  const han = [...text.matchAll(/\p{Script=Han}/gu)].map((match) => match[0]);
  if (han.length > 0) return han.slice(-2).join("");
  const words = text.split(/[\s._@-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : words;
  return letters.map((word) => [...word][0]).join("").toUpperCase() || "?";
}

/** A hue from an address; the same everywhere and always. */
export function hue(address) {
  let hash = 2166136261;
  for (const unit of new TextEncoder().encode(address.toLowerCase())) {
    hash = Math.imul(hash ^ unit, 16777619) >>> 0;
  }
  return HUES[hash % HUES.length];
}

const HUES = [212, 258, 288, 330, 8, 28, 158, 178, 196];
