// The page's looks, from the shell's tokens.
export const sheet = new CSSStyleSheet();
sheet.replaceSync(`
.log-page { display: flex; flex-direction: column; gap: var(--space-3); padding: var(--space-4); min-width: 0; }
.log-page > section { display: grid; gap: var(--space-3); min-width: 0; }
.log-page > section p { margin: 0; }
.log-page [hidden] { display: none; }
.log-tabs { display: flex; gap: var(--space-2); border-bottom: 1px solid var(--line-soft); }
.log-tab { min-height: var(--touch, 40px); padding: 0 var(--space-3); border: 0; background: none; color: var(--ink-soft); font: inherit; cursor: pointer; border-bottom: 2px solid transparent; }
.log-tab[aria-selected="true"] { color: var(--brand); border-bottom-color: var(--brand); }
.log-form { display: flex; flex-wrap: wrap; gap: var(--space-2); align-items: end; }
.log-form label { display: grid; gap: var(--space-1); font-size: var(--text-sm); color: var(--ink-soft); }
.log-form select, .log-form input { min-height: 36px; padding: 0 var(--space-2); border: 1px solid var(--line-strong); border-radius: var(--radius-sm); background: var(--surface-field); color: var(--ink); font: inherit; max-width: 16em; }
.log-button { min-height: 36px; padding: 0 var(--space-3); border: 1px solid var(--line-strong); border-radius: var(--radius-sm); background: var(--surface-raised); color: var(--ink); font: inherit; cursor: pointer; }
.log-button.main { background: var(--brand-fill); border-color: var(--brand-fill); color: var(--ink-on-brand); }
.log-button:disabled { opacity: 0.5; cursor: default; }
.log-lines { list-style: none; margin: 0; padding: var(--space-2); overflow: auto; max-height: 65dvh; background: var(--surface-field); border-radius: var(--radius-md); font: var(--text-sm)/var(--line) var(--font-mono); }
.log-line { white-space: pre-wrap; overflow-wrap: anywhere; padding: 1px 0; }
.log-line .log-at, .log-line .log-act, .log-line[data-level="debug"] { color: var(--ink-faint); }
.log-line[data-level="warning"] .log-level { color: var(--warn); }
.log-line[data-level="error"] .log-level, .log-line[data-level="critical"] .log-level { color: var(--danger); }
.log-act { border: 0; padding: 0; background: none; font: inherit; cursor: pointer; text-decoration: underline; }
.log-error { margin: 0 0 0 var(--space-4); color: var(--ink-soft); }
.log-note { padding: var(--space-3); border-radius: var(--radius-md); background: var(--surface-notice); }
.log-fault { color: var(--danger); }
.log-preview { max-height: 50dvh; overflow: auto; margin: 0; padding: var(--space-3); background: var(--surface-field); border-radius: var(--radius-md); font: var(--text-xs)/var(--line) var(--font-mono); white-space: pre-wrap; overflow-wrap: anywhere; }
.log-levels { display: grid; grid-template-columns: minmax(8em, max-content) minmax(8em, 16em); gap: var(--space-2) var(--space-4); align-items: center; }
.log-levels select { min-height: 36px; border: 1px solid var(--line-strong); border-radius: var(--radius-sm); background: var(--surface-field); color: var(--ink); font: inherit; }
`);
