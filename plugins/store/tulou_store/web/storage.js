// What is stored: how much of it, whether it is encrypted, backups, and whether it is sound.
import { fill, h } from "tulou/dom";

export default class StoragePage extends HTMLElement {
  #tulou = null;
  #end = null;
  #usage = h("article", { class: "card stack storage-usage" });
  #safety = h("article", { class: "card stack storage-safety" });
  #backup = h("article", { class: "card stack storage-backup" });
  #check = h("article", { class: "card stack storage-check" });
  #fault = h("p", { class: "form-error storage-fault", role: "alert", hidden: true });
  #said = h("p", { class: "note", role: "status", hidden: true });
  #state = {};
  #file = h("input", { name: "target", autocomplete: "off", spellcheck: "false" });
  #passphrase = h("input", { name: "passphrase", type: "password", autocomplete: "new-password" });
  #hint = h("span", { class: "field-hint" });
  #progress = h("div", { class: "card-stack storage-progress", role: "status" });
  #make;

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

  #t(key, values = {}) {
    return this.#tulou.text(`store.${key}`, values);
  }

  #begin() {
    this.#end?.();
    this.classList.add("card-page", "storage-page");
    this.#frame();
    fill(this, this.#fault, this.#usage, this.#backup, this.#safety, this.#check);
    this.#end = this.#tulou.listen("store.backups", {}, (state) => this.#progressed(state));
    this.#measure();
    this.#look();
  }

  // Fields stay, so that what was typed survives whatever is drawn anew.
  #frame() {
    this.#make = h("button", { class: "button primary", type: "submit" }, this.#t("backup-make"));
    fill(this.#backup, h("h2", {}, this.#t("backup")), h("p", { class: "card-intro" }, this.#t("backup-hint")),
      h("form", { class: "form", onsubmit: (event) => this.#save(event) },
        h("label", { class: "field" }, h("span", { class: "field-label" }, this.#t("backup-file")), this.#file),
        h("label", { class: "field" }, h("span", { class: "field-label" }, this.#t("backup-passphrase")), this.#passphrase, this.#hint),
        h("div", { class: "card-actions" }, this.#make)),
      this.#progress);
  }

  async #measure() {
    const usage = await this.#do(() => this.#tulou.call("store.usage"));
    if (!usage) return;
    const rows = [
      ...Object.entries(usage.namespaces),
      ...Object.entries(usage.rebuildable).map(([name, size]) => [this.#t("rebuildable", { name }), size]),
      [this.#t("documents"), usage.documents], [this.#t("other"), usage.other],
    ].filter(([, size]) => size > 0).sort((one, other) => other[1] - one[1]);
    const used = rows.reduce((sum, [, size]) => sum + size, 0);
    const most = usage.allowed || used + usage.free;
    const database = Object.values(usage.namespaces).reduce((sum, size) => sum + size, 0);
    const share = (usage.allowed ? database : used) / (most || 1);
    const total = usage.allowed ? this.#t("total", { used: size(database), allowed: size(usage.allowed) })
      : this.#t("total-free", { used: size(used), free: size(usage.free) });
    fill(this.#usage, h("h2", {}, this.#t("usage")),
      h("div", { class: "card-stack" },
        h("progress", { class: "gauge", max: "1", value: share, "aria-label": total, dataset: { tone: share > 0.9 ? "warn" : "" } }),
        h("p", { class: "card-sub storage-total" }, total)),
      h("table", { class: "table pairs" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, this.#t("room")), h("th", { scope: "col", class: "number" }, this.#t("size")))),
        h("tbody", {}, rows.map(([name, bytes]) => h("tr", {}, h("td", {}, name), h("td", { class: "number" }, size(bytes)))))),
      h("div", { class: "card-actions" }, h("button", { class: "button", type: "button", onclick: (event) => this.#compact(event.target) }, this.#t("compact"))),
      this.#said);
  }

  async #look() {
    const state = await this.#do(() => this.#tulou.call("store.safety"));
    if (!state) return;
    this.#state = state;
    if (!this.#file.value) this.#file.value = state.target;
    this.#hint.textContent = this.#t(state.encrypted ? "backup-needed" : "backup-optional");
    this.#passphrase.required = state.encrypted;
    this.#drawSafety();
    this.#drawCheck();
  }

  #drawSafety(key = "") {
    const { encrypted, where } = this.#state;
    fill(this.#safety, h("h2", {}, this.#t("encryption")), h("p", { class: encrypted ? "card-sub" : "note" }, this.#t(encrypted ? "encrypted" : "plain")),
      encrypted && where && h("dl", { class: "facts" }, h("dt", {}, this.#t("key-where")), h("dd", {}, where)),
      key && h("p", { class: "card-intro" }, this.#t("key-hint")), key && h("pre", { class: "raw storage-key" }, key),
      encrypted && h("div", { class: "card-actions" }, key
        ? h("button", { class: "button", type: "button", onclick: () => this.#drawSafety() }, this.#t("key-hide"))
        : h("button", { class: "button storage-show", type: "button", onclick: () => this.#showKey() }, this.#t("key-show"))));
  }

  async #showKey() {
    const key = await this.#do(() => this.#tulou.call("store.key"));
    if (key) this.#drawSafety(key);
  }

  #drawCheck() {
    const [at, count] = this.#state.checked.split(" ");
    const result = Number(count) ? this.#t("check-faults", { count }) : this.#t("check-fine");
    fill(this.#check, h("h2", {}, this.#t("check")),
      h("dl", { class: "facts" },
        h("dt", {}, this.#t("check-last")), h("dd", { class: "storage-checked" }, at ? `${time(at)} – ${result}` : this.#t("check-never")),
        h("dt", {}, this.#t("backup-last")), h("dd", { class: "storage-saved" }, this.#state.saved ? time(this.#state.saved) : this.#t("check-never"))),
      h("div", { class: "card-actions" }, h("button", { class: "button storage-look", type: "button", onclick: (event) => this.#examine(event.target) }, this.#t("check-now"))));
  }

  async #examine(button) {
    button.disabled = true;
    button.textContent = this.#t("check-running");
    const faults = await this.#do(() => this.#tulou.call("store.check"));
    if (faults?.length) {
      this.#fault.textContent = faults.join("\n");
      this.#fault.hidden = false;
    }
    await this.#look();
    button.disabled = false;
  }

  async #compact(button) {
    button.disabled = true;
    const gained = await this.#do(() => this.#tulou.call("store.compact"));
    button.disabled = false;
    if (gained === undefined) return;
    this.#said.textContent = this.#t("compacted", { size: size(Math.max(0, gained)) });
    this.#said.hidden = false;
    await this.#measure();
  }

  async #save(event) {
    event.preventDefault();
    const params = { target: this.#file.value, passphrase: this.#passphrase.value };
    this.#make.disabled = true;
    try {
      await this.#tulou.call("store.backup", params);
    } catch (error) {
      this.#progressed({ state: "failed", reason: error.message });
    }
  }

  #progressed(state) {
    this.#make.disabled = state.state === "running";
    fill(this.#progress, this[`_${state.state}`]?.(state));
    if (state.state === "done") {
      this.#passphrase.value = "";
      this.#file.value = "";
      this.#look();
    }
  }

  _running({ done, whole }) {
    const bar = h("progress", { class: "gauge", "aria-label": this.#t("backup-running") });
    if (whole) Object.assign(bar, { max: whole, value: Math.min(done, whole) });
    return [h("p", { class: "card-sub" }, this.#t("backup-running")), bar];
  }

  _done(made) {
    return h("div", { class: "note storage-made" }, h("p", {}, this.#t("backup-done", { path: made.path, size: size(made.size), files: made.files })),
      !made.sealed && h("p", {}, this.#t("backup-open")));
  }

  _failed({ reason }) {
    return h("p", { class: "form-error", role: "alert" }, this.#t("backup-failed", { reason }));
  }

  async #do(work) {
    this.#fault.hidden = true;
    try {
      return await work();
    } catch (error) {
      this.#fault.textContent = error.message;
      this.#fault.hidden = false;
      return undefined;
    }
  }
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let step = 0;
  for (; bytes >= 1024 && step < units.length - 1; step += 1) bytes /= 1024;
  return `${bytes.toLocaleString(undefined, { maximumFractionDigits: step && bytes < 100 ? 1 : 0 })} ${units[step]}`;
}

function time(microseconds) {
  return new Date(Number(microseconds) / 1000).toLocaleString();
}
