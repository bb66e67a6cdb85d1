// Small parts that several views use.
import { h, icon } from "../dom.js";
import { hue, initials } from "../format.js";
import { sentence } from "../sentence.js";
import { store } from "../store.js";
import { t } from "../texts.js";

export { sentence };

/** A round picture of a person: letters on a colour of their own; with a presence dot when asked. */
export function avatar(address, name, presence = null) {
  return h("span", { class: "avatar", style: { "--hue": hue(address) }, "aria-hidden": "true" },
    initials(name), presence !== null && dot(presence));
}

/** The presence dot. */
export function dot(presence) {
  return h("span", { class: `presence presence-${presence}`, title: t(`presence.${presence}`) });
}

/** The picture of a contributed page: a drawing of the plugin's own, or a character. */
export function pageIcon(page) {
  if (page.picture) return h("span", { class: "page-picture", "aria-hidden": "true", style: { "--picture": `url("${page.picture}")` } });
  return page.icon ? h("span", { class: "page-icon", "aria-hidden": "true" }, page.icon) : icon("page");
}

/** What stands where nothing is. */
export function empty(picture, title, hint, ...more) {
  return h("div", { class: "empty" }, h("div", { class: "empty-icon" }, icon(picture)),
    h("p", { class: "empty-title" }, title), h("p", { class: "empty-hint" }, hint), more);
}

/** A button that shows an icon only. */
export function iconButton(picture, label, onclick, properties = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...properties }, icon(picture));
}

/** The field above a list; `narrow` gets what is looked for, in lower case. */
export function filterField(narrow) {
  return h("div", { class: "filter" }, icon("search"), h("input", {
    type: "search", placeholder: t("chats.filter"), "aria-label": t("chats.filter"), enterkeyhint: "search",
    oninput: (event) => narrow(event.target.value.trim().toLowerCase()),
  }));
}

/** A labelled text field. */
export function field(label, properties, hint = "") {
  return h("label", { class: "field" }, h("span", { class: "field-label" }, label), h("input", properties),
    hint && h("span", { class: "field-hint" }, hint));
}

/**
 * A dialog with a form. `submit` gets the form's values; what it throws is shown as a sentence and
 * the dialog stays open.
 */
export function formDialog(title, fields, submitLabel, submit) {
  const error = h("p", { class: "form-error", role: "alert", hidden: true });
  const button = h("button", { class: "button primary", type: "submit" }, submitLabel);
  const form = h("form", { method: "dialog", class: "form", novalidate: true }, fields, error,
    h("div", { class: "form-actions" },
      h("button", { class: "button", type: "button", onclick: () => dialog.close() }, t("action.cancel")), button));
  const dialog = h("dialog", { class: "dialog", "aria-label": title, onclose: () => dialog.remove() },
    h("header", { class: "dialog-head" }, h("h2", {}, title), iconButton("close", t("action.close"), () => dialog.close())), form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    error.hidden = true;
    try {
      await submit(Object.fromEntries(new FormData(form)));
      dialog.close();
    } catch (fault) {
      error.textContent = sentence(fault);
      error.hidden = false;
    } finally {
      button.disabled = false;
    }
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // a click beside the box
  });
  document.body.append(dialog);
  dialog.showModal();
  form.querySelector("input")?.focus();
  return dialog;
}

/** A person's line in a list: avatar, two lines of text, something at the end. */
export function presenceOf(address) {
  return store.contacts.has(address) ? store.presenceOf(address) : null;
}
