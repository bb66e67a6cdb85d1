// A fault as people read it.
import { refusal } from "./refusals.js";
import { known, language, t } from "./texts.js";

const ROUTING = new Set(["no-route", "forbidden", "unavailable", "parameter-wrong"]);

/** A fault as a sentence in the page's language; Python's own words follow where they say more. */
export function sentence(fault) {
  const key = `error.${fault.code}`;
  if (!known(key)) return fault.message;
  const own = t(key);
  if (language() === "zh" && ROUTING.has(fault.code)) {
    const chinese = refusal(fault.message);
    if (chinese !== null) return chinese;
  }
  const telling = ["message-prevented", "message-invalid", "registration-refused", "refused", "failed", "storage-failed", "secrets-failed",
    "forbidden", "unavailable", "parameter-wrong"];
  return telling.includes(fault.code) && fault.message !== fault.code ? `${own} (${fault.message})` : own;
}
