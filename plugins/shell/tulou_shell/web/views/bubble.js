// Puts a message's look into its bubble: the contributed element of its kind, or its text.
import { contributed, faulty } from "../elements.js";
import { fill, h } from "../dom.js";
import { store } from "../store.js";
import { t } from "../texts.js";

/** Show `message` in `bubble`; the element is kept while the kind stays the same. */
export function fillBubble(bubble, message) {
  const url = store.contributions.bubbles[message.kind];
  const { shown } = bubble;
  if (shown && shown.url === url && url !== undefined) {
    shown.message = message;
    if (shown.element) show(bubble, shown);
    return;
  }
  const next = (bubble.shown = { url, message, element: null });
  bubble.dataset.kind = message.kind;
  fill(bubble, plain(message, url === undefined ? "chat.unknownKind" : ""));
  if (url === undefined) return;
  contributed(url).then((element) => {
    if (bubble.shown !== next) return;
    next.element = element;
    show(bubble, next);
  }, () => {
    if (bubble.shown === next) fill(bubble, plain(next.message, "chat.faultyKind"));
  });
}

function show(bubble, { url, element, message }) {
  try {
    element.message = viewOf(message);
    if (element.parentNode !== bubble) fill(bubble, element);
  } catch (error) {
    faulty(url, error);
    fill(bubble, plain(message, "chat.faultyKind"));
  }
}

/** What the contract `Bubble` promises, and no more. */
function viewOf({ id, body, kind, data, at, state, outgoing }) {
  return Object.freeze({ id, body, kind, data, at, state, outgoing });
}

/** The text alone; with a word why, for kinds that should look otherwise. */
function plain(message, why) {
  return [h("div", { class: "text-bubble", dir: "auto" }, message.body),
    why && message.kind !== "text" && h("div", { class: "bubble-note" }, t(why))];
}
