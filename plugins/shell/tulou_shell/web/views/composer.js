// Where a message is written. Enter sends, Shift+Enter makes a new line, and an Enter that belongs
// to an input method (composing Chinese, say) does neither.
import { contributed } from "../elements.js";
import { fill, h, icon, View } from "../dom.js";
import { store } from "../store.js";
import { t } from "../texts.js";
import { iconButton, sentence } from "./parts.js";

// Far above what messaging takes, and still below what the page's socket carries in one piece:
// what lies between is refused by messaging itself, which knows its limit.
const LONGEST = 100_000;
const TALL = 5_000; // characters that fill the box at any width

class Composer extends View {
  #id = "";
  #text = null;
  #send = null;
  #problem = h("p", { class: "composer-problem", role: "alert", hidden: true });
  #tools = h("div", { class: "composer-tools" });
  #panel = h("div", { class: "panel", hidden: true });
  #openPanel = "";

  connectedCallback() {
    this.#id = this.getAttribute("address");
    const name = this.getAttribute("name");
    this.#text = h("textarea", {
      rows: "1", placeholder: t("chat.placeholder", { name }), "aria-label": t("chat.input"),
      title: t("chat.hint"), enterkeyhint: "send", autocomplete: "off", dir: "auto",
      value: store.draft(this.#id),
      onkeydown: (event) => this.#key(event),
      oninput: () => this.#changed(),
      onpaste: (event) => this.#pasted(event),
    });
    this.#send = h("button", { type: "button", class: "send", "aria-label": t("chat.send"), title: t("chat.send"), onclick: () => this.#submit() }, icon("send"));
    fill(this, this.#problem, this.#panel,
      h("div", { class: "composer" }, this.#tools, this.#text, this.#send));
    this.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#openPanel && !event.isComposing) {
        event.preventDefault();
        this.#close();
      }
    });
    this.watch(store, "contributions", () => this.#drawTools());
    this.watch(store, "line", () => store.line === "open" && this.#say(""));
    this.watch(store, `draft:${this.#id}`, () => this.#readDraft());
    this.#drawTools();
    this.#grow();
    this.#changed(false);
  }

  #key(event) {
    // keyCode 229: Safari ends the composition before it reports the Enter that ended it
    if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
    if (event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.#submit();
  }

  /** What could not be sent is not taken in: a browser takes minutes to lay out a text of a megabyte. */
  #pasted(event) {
    const { value, selectionStart, selectionEnd } = this.#text;
    const pasted = event.clipboardData?.getData("text") ?? "";
    const whole = value.length - (selectionEnd - selectionStart) + pasted.length;
    if (whole <= LONGEST) return;
    event.preventDefault();
    this.#say(t("chat.pasteTooLong", { most: LONGEST }));
  }

  #changed(keep = true) {
    this.#send.disabled = this.#text.value.trim() === "";
    this.#grow();
    if (keep) store.keepDraft(this.#id, this.#text.value);
  }

  #grow() {
    const text = this.#text;
    text.style.height = "auto";
    if (text.value.length > TALL) text.style.height = "100vh"; // its greatest height ends it; nothing to measure
    else if (text.scrollHeight > 0) text.style.height = `${text.scrollHeight + 2}px`;
  }

  #readDraft() {
    this.#text.value = store.draft(this.#id);
    this.#changed(false);
  }

  async #submit() {
    const body = this.#text.value.trim();
    if (body === "") return;
    if (store.line !== "open") {
      this.#say(t("chat.disconnected"));
      return;
    }
    if (body.length > LONGEST) {
      this.#say(`${t("error.too-large")} ${t("chat.kept")}`);
      return;
    }
    this.#text.value = "";
    this.#changed();
    this.#text.focus();
    await this.#post(body, "text", {}, () => store.restoreDraft(this.#id, body));
  }

  async #post(body, kind, data, restore) {
    this.#say("");
    const sending = store.send(this.#id, body, kind, data);
    this.dispatchEvent(new Event("tulou-sent", { bubbles: true }));
    try {
      await sending;
    } catch (fault) {
      restore();
      this.#say(`${sentence(fault)} ${t("chat.kept")}`);
    }
  }

  #say(text) {
    this.#problem.hidden = text === "";
    this.#problem.textContent = text;
  }

  #drawTools() {
    fill(this.#tools, store.contributions.panels.map((panel) => h("button", {
      type: "button", class: "icon-button", title: t(panel.title), "aria-label": t(panel.title),
      "aria-expanded": String(this.#openPanel === panel.name), dataset: { panel: panel.name },
      onclick: () => this.#toggle(panel),
    }, panel.icon ? h("span", { class: "tool-icon", "aria-hidden": "true" }, panel.icon) : icon("panel"))));
    if (this.#openPanel && !store.contributions.panels.some((panel) => panel.name === this.#openPanel)) this.#close();
  }

  async #toggle(panel) {
    if (this.#openPanel === panel.name) {
      this.#close();
      return;
    }
    this.#openPanel = panel.name;
    this.#drawTools();
    try {
      const element = await contributed(panel.module);
      if (this.#openPanel !== panel.name) return;
      element.conversation = this.#id;
      element.addEventListener("tulou-send", (event) => this.#sendOf(event));
      element.addEventListener("tulou-insert", (event) => this.#insert(String(event.detail?.text ?? "")));
      element.addEventListener("tulou-close", () => this.#close());
      fill(this.#panel, h("div", { class: "panel-body", role: "group", "aria-label": t(panel.title) }, element),
        iconButton("close", t("action.close"), () => this.#close(), { class: "icon-button panel-close" }));
      this.#panel.hidden = false;
    } catch {
      this.#close();
      this.#say(t("error.failed"));
    }
  }

  #close() {
    this.#openPanel = "";
    this.#panel.hidden = true;
    fill(this.#panel);
    this.#drawTools();
    this.#text.focus();
  }

  #sendOf(event) {
    const { body = "", kind = "text", data = {} } = event.detail ?? {};
    this.#post(String(body), String(kind), data, () => {});
    this.#close();
  }

  #insert(text) {
    this.#text.setRangeText(text, this.#text.selectionStart, this.#text.selectionEnd, "end");
    this.#changed();
    if (matchMedia("(hover: hover)").matches) this.#text.focus();
  }
}

customElements.define("tulou-composer", Composer);
