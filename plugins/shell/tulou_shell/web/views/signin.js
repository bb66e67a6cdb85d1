// Signing in for the first time, again, or with a new account.
import { fill, h, icon, View } from "../dom.js";
import { store } from "../store.js";
import { language, setLanguage, t } from "../texts.js";
import { iconButton, sentence } from "./parts.js";

class SignIn extends View {
  #registering = false;

  #refused = h("p", { class: "form-error", role: "alert" });

  connectedCallback() {
    this.watch(store, "connection", () => this.#tellRefused());
    this.#show();
  }

  #tellRefused() {
    this.#refused.textContent = t("connection.refused");
    this.#refused.hidden = store.connection.state !== "refused" || store.session.account === null;
  }

  #show() {
    const account = store.session.account;
    const again = account !== null;
    const word = this.#registering ? "register" : "signin";
    const error = h("p", { class: "form-error", role: "alert", hidden: true });
    const submit = h("button", { class: "button primary wide", type: "submit" }, t(`${word}.submit`));
    const address = h("input", {
      name: "address", autocomplete: "username", autocapitalize: "none", spellcheck: "false",
      inputmode: "email", placeholder: t("signin.addressHint"), value: account?.address ?? "", readonly: again,
    });
    const password = h("input", {
      name: "password", type: "password", autocomplete: this.#registering ? "new-password" : "current-password",
    });
    const repeat = this.#registering && h("input", { name: "repeat", type: "password", autocomplete: "new-password" });
    const endpoint = h("input", {
      name: "endpoint", autocapitalize: "none", spellcheck: "false", inputmode: "url",
      value: account?.endpoint || store.session.server || "", placeholder: "wss://chat.company.com/xmpp-websocket",
    });
    const form = h("form", { class: "form", novalidate: true },
      labelled(t("signin.address"), address),
      labelled(t("signin.password"), h("span", { class: "field-row" }, password, this.#eye(password, repeat))),
      repeat && labelled(t("register.repeat"), repeat),
      h("details", { class: "advanced", open: endpoint.value !== "" && !again },
        h("summary", {}, t("signin.advanced")), labelled(t("signin.server"), endpoint, t("signin.serverHint"))),
      error, submit);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const fault = checked(address, password, repeat);
      error.hidden = true;
      if (fault === null) await this.#submit(form, submit, word, error);
      else this.#complain(error, fault.text, fault.input);
    });
    const other = language() === "zh" ? ["en", "English"] : ["zh", "中文"];
    fill(this, h("main", { class: "entrance" },
      h("button", { type: "button", class: "link-button entrance-language", lang: other[0], onclick: () => setLanguage(other[0]) }, other[1]),
      h("section", { class: "entrance-box" },
      h("img", { src: "/plugins/tulou_shell/icon.svg", alt: "", width: 56, height: 56 }),
      h("h1", {}, again ? t("signin.again") : t(this.#registering ? "register.title" : "signin.welcome")),
      h("p", { class: "entrance-lead" }, again ? t("signin.leadAgain") : t(`${word}.lead`)),
      this.#refused,
      form,
      !again && h("p", { class: "entrance-other" },
        t(this.#registering ? "register.haveAccount" : "signin.noAccount"), " ",
        h("button", { type: "button", class: "link-button", onclick: () => this.#turn() },
          t(this.#registering ? "register.toSignin" : "signin.toRegister"))))));
    this.#tellRefused();
    (address.value ? password : address).focus();
  }

  #turn() {
    this.#registering = !this.#registering;
    this.#show();
  }

  #eye(...inputs) {
    return iconButton("eye", t("signin.show"), (event) => {
      const shown = event.currentTarget.getAttribute("aria-pressed") !== "true";
      event.currentTarget.setAttribute("aria-pressed", String(shown));
      for (const input of inputs) if (input) input.type = shown ? "text" : "password";
    }, { "aria-pressed": "false", class: "icon-button field-eye" });
  }

  async #submit(form, button, word, error) {
    const { address, password, endpoint } = Object.fromEntries(new FormData(form));
    button.disabled = true;
    fill(button, h("span", { class: "spinner", "aria-hidden": "true" }), t(`${word}.busy`));
    try {
      await store.signIn(this.#registering, address.trim(), password, endpoint.trim());
    } catch (fault) {
      const input = { "wrong-password": "password", "server-unavailable": "endpoint" }[fault.code] ?? "address";
      if (input === "endpoint") form.querySelector("details").open = true;
      this.#complain(error, sentence(fault), form.elements[input]);
    } finally {
      button.disabled = false;
      fill(button, t(`${word}.submit`));
    }
  }

  #complain(error, text, input) {
    fill(error, icon("alert"), h("span", {}, text));
    error.hidden = false;
    input.focus();
    input.select();
  }
}

function labelled(label, input, hint = "") {
  return h("label", { class: "field" }, h("span", { class: "field-label" }, label), input,
    hint && h("span", { class: "field-hint" }, hint));
}

function checked(address, password, repeat) {
  if (address.value.trim() === "") return { text: t("signin.fillAddress"), input: address };
  if (password.value === "") return { text: t("signin.fillPassword"), input: password };
  if (repeat && repeat.value !== password.value) return { text: t("register.mismatch"), input: repeat };
  return null;
}

customElements.define("tulou-sign-in", SignIn);
