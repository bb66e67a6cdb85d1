// A fault as people read it.
import { known, t } from "./texts.js";

/** A fault as a sentence in the page's language; Python's own words follow where they say more. */
export function sentence(fault) {
  const key = `error.${fault.code}`;
  if (!known(key)) return fault.message;
  const own = t(key);
  const telling = ["message-prevented", "message-invalid", "registration-refused", "refused", "failed", "storage-failed", "secrets-failed",
    "forbidden", "unavailable", "parameter-wrong"];
  return telling.includes(fault.code) && fault.message !== fault.code ? `${own} (${fault.message})` : own;
}
