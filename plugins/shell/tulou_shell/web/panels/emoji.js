// An input panel as any plugin may bring one: it puts an emoji into the text box.
import { fill, h } from "tulou/dom";

const EMOJI = [..."😀😄😁😂🤣😊😇🙂😉😍😘😋😎🤔🤨😐🙄😏😴😷🤒😭😢😤😡😱😅🥳🤝👍👎👌✌👏🙏💪👀🎉🔥⭐❤💔✅❌❓❗💡📌📎📅⏰☕🍵🍜🚀"];

export default class EmojiPanel extends HTMLElement {
  connectedCallback() {
    this.classList.add("emoji-panel");
    fill(this, EMOJI.map((emoji) => h("button", {
      type: "button",
      class: "emoji",
      onclick: () => this.dispatchEvent(new CustomEvent("tulou-insert", { detail: { text: emoji }, bubbles: true })),
    }, emoji)));
  }
}
