// Finds addresses in plain text: of the web, and of the app's own. Only ASCII may be part of one, so that
// Chinese text may follow without a space.
import { store } from "./store.js";

const ADDRESS = /\b(?:https?:\/\/|tulou:\/\/|www\.)[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+/gi;
const PAIRS = { ")": "(", "]": "[" };

/** The text as a list of strings and safe links, in order. */
export function linkify(text) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const shown = trimmed(match[0]);
    const made = link(shown);
    if (made === null) continue;
    if (match.index > at) parts.push(text.slice(at, match.index));
    parts.push(made);
    at = match.index + shown.length;
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

function link(shown) {
  if (leadsInside(shown)) return insideLink(shown);
  const url = parsed(shown);
  if (url === null) return null;
  const element = document.createElement("a");
  element.href = url.href;
  element.target = "_blank";
  element.rel = "noopener noreferrer nofollow";
  element.title = url.host; // what stands before an @ is not the host: show which one it is
  element.textContent = shown;
  return element;
}

/** Whether an address is one of the app's: Python says how those begin. */
function leadsInside(shown) {
  const beginnings = store.session?.links ?? ["tulou://"];
  return beginnings.some((each) => shown.length > each.length && shown.toLowerCase().startsWith(each.toLowerCase()));
}

/** Followed by Python as what it is: an address that somebody else wrote. */
function insideLink(shown) {
  const element = document.createElement("a");
  element.className = "inside-link";
  element.href = shown; // to be seen and copied
  element.textContent = shown;
  element.addEventListener("click", (event) => {
    event.preventDefault();
    element.dispatchEvent(new CustomEvent("tulou-follow", { detail: { url: shown }, bubbles: true, composed: true }));
  });
  return element;
}

/** Without the punctuation that belongs to the sentence around the address. */
function trimmed(address) {
  let end = address.length;
  while (end > 0) {
    const last = address[end - 1];
    const open = PAIRS[last];
    if (open !== undefined) {
      const kept = address.slice(0, end);
      if (count(kept, open) >= count(kept, last)) break;
    } else if (!/[.,;:!?'*]/.test(last)) {
      break;
    }
    end -= 1;
  }
  return address.slice(0, end);
}

function count(text, character) {
  return text.split(character).length - 1;
}

function parsed(address) {
  try {
    const url = new URL(/^www\./i.test(address) ? `https://${address}` : address);
    const good = (url.protocol === "https:" || url.protocol === "http:") && url.hostname !== "";
    return good ? url : null;
  } catch {
    return null;
  }
}
