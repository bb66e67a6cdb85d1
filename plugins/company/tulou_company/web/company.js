// What the company's documents say to this profile, until when, and why one was refused.
import { fill, h } from "tulou/dom";

export default class CompanyPage extends HTMLElement {
  #end = null;
  #tulou = null;
  #fault = "";
  #state = null;

  set parameters(_) {}

  set tulou(tulou) {
    this.#tulou = tulou;
    if (this.isConnected) this.#begin();
  }

  connectedCallback() {
    if (this.#tulou) this.#begin();
  }

  disconnectedCallback() {
    this.#end?.();
    this.#end = null;
  }

  #begin() {
    this.#end?.();
    this.#end = this.#tulou.listen("company.state", {}, (state) => {
      this.#state = state;
      this.#draw();
    });
  }

  #t(key) {
    return this.#tulou.text(`company.${key}`);
  }

  #draw() {
    const state = this.#state;
    this.classList.add("company-page", "card-page", "wide");
    fill(this, state.configured ? this.#held(state) : h("article", { class: "card" }, h("p", { class: "company-none nothing" }, this.#t("none"))));
  }

  #held(state) {
    const look = h("button", { class: "button company-look", type: "button", onclick: () => this.#look() },
      this.#t("look"));
    const trouble = this.#fault || state.trouble;
    return [
      h("article", { class: "card stack" },
        h("p", { class: "card-intro" }, this.#t("intro")),
        h("dl", { class: "facts" },
          h("dt", {}, this.#t("service")), h("dd", { class: "company-where" }, state.url || this.#t("unknown")),
          h("dt", {}, this.#t("asked")),
          h("dd", { class: "company-asked" }, state.asked_at ? time(state.asked_at) : this.#t("never"))),
        trouble && h("p", { class: "company-trouble form-error", role: "alert" }, trouble),
        h("div", { class: "card-actions" }, look)),
      h("article", { class: "card stack" }, h("h2", {}, this.#t("documents")),
        state.documents.length ? this.#table(state.documents) : h("p", { class: "nothing" }, this.#t("empty"))),
      state.refusals.length > 0 && h("article", { class: "card stack" }, h("h2", {}, this.#t("refused")),
        h("ul", { class: "company-refusals plugin-lines" },
          state.refusals.map((each) => h("li", { class: "plugin-line" }, `${time(each.at)} – ${each.why}`)))),
    ];
  }

  #table(documents) {
    const heads = ["kind", "version", "whose", "until"].map((key) => this.#t(key));
    const rows = documents.map((each) => h("tr", {},
      [each.kind, String(each.version), each.account || this.#t("everybody"), this.#until(each)].map(
        (text, index) => h("td", { "data-label": heads[index] }, text))));
    return h("table", { class: "company-documents table" },
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))), h("tbody", {}, rows));
  }

  #until(each) {
    if (each.withdrawn) return this.#t("withdrawn");
    return each.over ? `${this.#t("over")} ${time(each.valid_until)}` : time(each.valid_until);
  }

  async #look() {
    try {
      await this.#tulou.call("company.look", {});
      this.#fault = "";
    } catch (error) {
      this.#fault = error.message;
    }
    if (this.isConnected && this.#state) this.#draw();
  }
}

function time(microseconds) {
  return new Date(microseconds / 1000).toLocaleString();
}
