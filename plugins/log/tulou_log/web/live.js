// Lines as they come, filtered.
import { fill, h } from "tulou/dom";
import { button, choice, fault, field, LEVELS, trying } from "./parts.js";

const MOST = 1000; // lines on the page
const PATIENCE = 250; // ms between typing and asking

export class Live {
  #tulou;
  #stop = () => {};
  #timer = 0;
  #waiting = [];
  #paused = false;
  #lines = h("ol", { class: "log-lines raw", "aria-live": "off", tabindex: "0" });
  #none;
  #fault = fault();
  #level;
  #module;
  #text;
  #act;
  #pause;
  #form = h("form", { class: "log-form field-grid", onsubmit: (event) => event.preventDefault() });

  constructor(tulou, parameters) {
    this.#tulou = tulou;
    const t = tulou.text;
    this.#none = h("p", { class: "log-none nothing" }, t("log.none"));
    const again = () => this.#later();
    const [level, levels] = choice(t("log.level"), "level", LEVELS.map((each) => [each, t(`log.${each}`)]), parameters.level ?? "debug", again);
    const [module, modules] = choice(t("log.module"), "module", [["", t("log.everything")]], "", again);
    const [text, texts] = field(t("log.text"), "text", parameters.text ?? "", again);
    const [act, acts] = field(t("log.correlation"), "correlation", parameters.correlation ?? "", again);
    [this.#level, this.#module, this.#text, this.#act] = [levels, modules, texts, acts];
    this.#pause = button(t("log.pause"), () => this.#toggle(), "pause");
    fill(this.#form, level, module, text, act, this.#pause);
    this.wanted = parameters.module ?? "";
    this.element = h("section", { class: "log-live card stack" }, this.#form, this.#fault, this.#none, this.#lines);
  }

  async start() {
    await trying(this.#fault, async () => {
      const { modules, trouble } = await this.#tulou.call("log.state");
      for (const each of modules) this.#module.append(h("option", { value: each, selected: each === this.wanted }, each));
      if (trouble) {
        this.#fault.textContent = this.#tulou.text("log.trouble") + trouble;
        this.#fault.hidden = false;
      }
    });
    this.#listen();
  }

  close() {
    clearTimeout(this.#timer);
    this.#stop();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#listen(), PATIENCE);
  }

  #listen() {
    this.#stop();
    this.#waiting = [];
    fill(this.#lines);
    this.#empty(true);
    const params = { level: this.#level.value, module: this.#module.value, text: this.#text.value, correlation: this.#act.value };
    this.#stop = this.#tulou.listen("log.tail", params, (line) => this.#came(line));
  }

  #came(line) {
    if (this.#paused) {
      this.#waiting.push(line);
      if (this.#waiting.length > MOST) this.#waiting.shift();
      return;
    }
    const atEnd = this.#lines.scrollHeight - this.#lines.scrollTop - this.#lines.clientHeight < 40;
    this.#empty(false);
    this.#lines.append(this.#draw(line));
    while (this.#lines.children.length > MOST) this.#lines.firstChild.remove();
    if (atEnd) this.#lines.scrollTop = this.#lines.scrollHeight;
  }

  #empty(empty) {
    this.#none.hidden = !empty;
    this.#lines.hidden = empty;
  }

  #draw(line) {
    const act = line.correlation && h("button", { type: "button", class: "log-act", onclick: () => this.#follow(line.correlation) }, line.correlation);
    const fields = Object.entries(line.fields).map(([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
    const errors = line.error.map((each) => h("p", { class: "log-error" }, [`${each.text || each.type}`, ...(each.frames ?? [])].join("\n")));
    return h("li", { class: "log-line", dataset: { level: line.level, number: String(line.number) } },
      h("span", { class: "log-at" }, moment(line.at)), " ", h("span", { class: "log-level" }, line.level), " ",
      h("b", {}, line.module), `: ${line.message}`, fields, " ", act, errors);
  }

  #follow(act) {
    this.#act.value = act;
    this.#listen();
  }

  #toggle() {
    this.#paused = !this.#paused;
    this.#pause.textContent = this.#tulou.text(this.#paused ? "log.resume" : "log.pause");
    if (!this.#paused) for (const line of this.#waiting.splice(0)) this.#came(line);
  }
}

function moment(microseconds) {
  const at = new Date(microseconds / 1000);
  const two = (number) => String(number).padStart(2, "0");
  return `${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}
