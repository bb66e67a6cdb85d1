// Notices that plugins show on every page, until somebody closes or follows one; and what this page alone
// says in passing.
import { h, icon, keyed, View } from "../dom.js";
import { open } from "../open.js";
import { store } from "../store.js";
import { t } from "../texts.js";
import { iconButton, sentence } from "./parts.js";

class Notices extends View {
  #list = h("ul", { class: "notices", "aria-label": t("notice.label"), "aria-live": "polite" });
  #sayings = h("ul", { class: "sayings", role: "status" });

  connectedCallback() {
    this.append(this.#list, this.#sayings);
    this.watch(store, "notices contributions", () => this.#update());
    this.#update();
  }

  #update() {
    const key = (each) => JSON.stringify([each, t(each.title, each.values), t(each.text, each.values)]);
    keyed(this.#list, store.notices.filter((each) => !each.passing), key, draw);
    keyed(this.#sayings, store.notices.filter((each) => each.passing), key, drawSaying);
  }
}

function draw(notice) {
  const trouble = h("p", { class: "form-error", role: "alert", hidden: true });
  const follow = async () => {
    try {
      await open(notice.url);
      close(notice);
    } catch (fault) {
      trouble.textContent = sentence(fault);
      trouble.hidden = false;
    }
  };
  return h("li", { class: "notice", dataset: { notice: notice.id } }, h("span", { class: "notice-icon" }, icon("bell")),
    h("div", { class: "notice-words grow" }, h("p", { class: "notice-title" }, t(notice.title, notice.values)),
      notice.text && h("p", { class: "notice-text" }, t(notice.text, notice.values)), trouble),
    notice.url && h("button", { type: "button", class: "bar-button", onclick: follow }, t("notice.open")),
    iconButton("close", t("action.close"), () => close(notice)));
}

function drawSaying({ id, title }) {
  return h("li", { class: "saying" }, h("span", { class: "grow" }, title), iconButton("close", t("action.close"), () => store.unsay(id)));
}

function close({ id }) {
  store.unsay(id);
  store.ask("ui.close_notice", { id }).catch(() => {}); // shown again when the line is back, for it stands
}

customElements.define("tulou-notices", Notices);
