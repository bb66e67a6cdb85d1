// What the parts of the page share.
import { h } from "tulou/dom";

export const LEVELS = ["debug", "info", "warning", "error", "critical"];

/** A choice with a label: options are [value, words]. */
export function choice(label, name, options, value, changed) {
  const select = h("select", { name, onchange: () => changed?.(select.value) },
    options.map(([each, words]) => h("option", { value: each, selected: each === value }, words)));
  return [h("label", { class: "field" }, h("span", { class: "field-label" }, label), select), select];
}

export function field(label, name, value, changed) {
  const input = h("input", { name, type: "search", autocomplete: "off", value, oninput: () => changed?.() });
  return [h("label", { class: "field" }, h("span", { class: "field-label" }, label), input), input];
}

export function button(words, onclick, name, main = false) {
  return h("button", { type: "button", class: main ? "button primary" : "button", dataset: { action: name }, onclick }, words);
}

export function fault() {
  return h("p", { class: "log-fault form-error", role: "alert", hidden: true });
}

/** Run something; what goes wrong is told where `place` is. */
export async function trying(place, work) {
  place.hidden = true;
  try {
    return await work();
  } catch (error) {
    place.textContent = error?.message ?? String(error);
    place.hidden = false;
    return undefined;
  }
}
