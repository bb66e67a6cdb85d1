// What lines of a log look like; everything else is the shell's.
export const sheet = new CSSStyleSheet();
sheet.replaceSync(`
.log-lines { list-style: none; max-height: 62dvh; min-height: 8em; }
.log-line { padding: 1px 0; }
.log-line .log-at, .log-line .log-act, .log-line[data-level="debug"] { color: var(--ink-faint); }
.log-line[data-level="warning"] .log-level { color: var(--warn); }
.log-line[data-level="error"] .log-level, .log-line[data-level="critical"] .log-level { color: var(--danger); }
.log-act { border: 0; padding: 0; background: none; font: inherit; cursor: pointer; text-decoration: underline; }
.log-error { margin: 0 0 0 var(--space-4); color: var(--ink-soft); }
`);
