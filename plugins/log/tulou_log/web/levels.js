// How much each module tells, and what the company asks for.
import { fill, h } from "tulou/dom";
import { button, fault, LEVELS, trying } from "./parts.js";

export class Levels {
  #tulou;
  #fault = fault();
  #wishes = h("div", { class: "card stack", hidden: true });
  #list = h("div", { class: "log-levels card" });

  constructor(tulou) {
    this.#tulou = tulou;
    this.element = h("section", {}, this.#fault, this.#wishes, this.#list);
  }

  async start() {
    await this.#ask("log.state", {});
  }

  close() {}

  async #ask(method, params) {
    const state = await trying(this.#fault, () => this.#tulou.call(method, params));
    if (state) this.#draw(state);
  }

  #draw({ levels, modules, wishes }) {
    const t = this.#tulou.text;
    const names = [...new Set([...modules, ...Object.keys(levels)])].filter((each) => each !== "").sort();
    fill(this.#list, this.#row("", t("log.others"), levels, false), names.map((each) => this.#row(each, each, levels, true)));
    const asked = Object.entries(wishes);
    this.#wishes.hidden = asked.length === 0;
    fill(this.#wishes, asked.length > 0 && h("div", { class: "log-note note", role: "status" },
      h("p", {}, t("log.wishes")),
      h("ul", {}, asked.map(([name, level]) => h("li", {}, `${name || t("log.others")}: ${t(`log.${level}`)}`))),
      h("div", { class: "card-actions" },
        button(t("log.agree"), () => this.#ask("log.answer", { consent: true }), "agree", true),
        button(t("log.disagree"), () => this.#ask("log.answer", { consent: false }), "disagree"))));
  }

  #row(module, words, levels, canFollow) {
    const t = this.#tulou.text;
    const now = levels[module] ?? "";
    const options = [...LEVELS, "off"].map((each) => [each, t(`log.${each}`)]);
    if (canFollow) options.unshift(["", t("log.asOthers")]);
    const select = h("select", { "aria-label": words, name: `level-${module}`, onchange: () => this.#ask("log.level", { module, level: select.value }) },
      options.map(([value, text]) => h("option", { value, selected: value === now }, text)));
    return h("label", { class: "setting" }, h("span", { class: "setting-name" }, words), select);
  }
}
