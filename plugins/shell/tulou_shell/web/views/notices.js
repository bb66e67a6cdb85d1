// Notices that plugins show on every page, until somebody closes or follows one.
import { h, icon, keyed, View } from "../dom.js";
import { open } from "../open.js";
import { store } from "../store.js";
import { t } from "../texts.js";
import { iconButton, sentence } from "./parts.js";

class Notices extends View {
  #list = h("ul", { class: "notices", "aria-label": t("notice.label"), "aria-live": "polite" });

  connectedCallback() {
    this.append(this.#list);
    this.watch(store, "notices contributions", () => this.#update());
    this.#update();
  }

  #update() {
    keyed(this.#list, store.notices, (notice) => JSON.stringify(notice), draw);
    this.hidden = store.notices.length === 0;
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
    h("div", { class: "grow" }, h("p", { class: "notice-title" }, t(notice.title)), notice.text && h("p", { class: "notice-text" }, t(notice.text)), trouble),
    notice.url && h("button", { type: "button", class: "bar-button", onclick: follow }, t("notice.open")),
    iconButton("close", t("action.close"), () => close(notice)));
}

function close({ id, passing }) {
  store.unsay(id);
  if (passing) return;
  store.ask("ui.close_notice", { id }).catch(() => {}); // shown again when the line is back, for it stands
}

customElements.define("tulou-notices", Notices);
