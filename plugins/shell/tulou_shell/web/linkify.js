// Finds web addresses in plain text. Only ASCII may be part of an address, so that Chinese text may
// follow one without a space.
const ADDRESS = /\b(?:https?:\/\/|www\.)[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+/gi;
const PAIRS = { ")": "(", "]": "[" };

/** The text as a list of strings and safe links, in order. */
export function linkify(text) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const shown = trimmed(match[0]);
    const url = parsed(shown);
    if (url === null) continue;
    if (match.index > at) parts.push(text.slice(at, match.index));
    parts.push(link(shown, url));
    at = match.index + shown.length;
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

function link(shown, url) {
  const element = document.createElement("a");
  element.href = url.href;
  element.target = "_blank";
  element.rel = "noopener noreferrer nofollow";
  element.title = url.host; // what stands before an @ is not the host: show which one it is
  element.textContent = shown;
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
