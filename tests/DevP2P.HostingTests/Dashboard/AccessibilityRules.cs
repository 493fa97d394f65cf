namespace DevP2P.HostingTests.Dashboard;

/// <summary>Rules in JavaScript; each returns what breaks it.</summary>
internal static class AccessibilityRules
{
    /// <summary>Whoever can be used has a name: from aria, a label, or its own text. A placeholder is none.</summary>
    public const string Names = """
        () => {
          const bad = [];
          const textOf = (ids) => ids.split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? '').join(' ').trim();
          for (const e of document.querySelectorAll('button, input, select, textarea, a[href], [role=tab], [role=grid], [role=gridcell][tabindex], canvas, img, section, dialog, table')) {
            if (e.hidden || e.closest('[hidden]') || (e.closest('dialog') && !e.closest('dialog').open)) continue;
            const name = (e.getAttribute('aria-labelledby') && textOf(e.getAttribute('aria-labelledby')))
              || e.getAttribute('aria-label')
              || (e.labels && [...e.labels].map((l) => l.textContent).join(' ').trim())
              || (e.tagName === 'IMG' ? e.alt : '')
              || e.caption?.textContent.trim()
              || (['BUTTON', 'A'].includes(e.tagName) || e.getAttribute('role') === 'tab' ? e.textContent.trim() : '');
            if (!name) bad.push(`${e.tagName} #${e.id} .${e.className} has no name`);
          }
          return bad;
        }
        """;

    /// <summary>One main, one h1, headings in order, unique ids, references that lead somewhere, lists and tables that are whole.</summary>
    public const string Structure = """
        () => {
          const bad = [];
          const ids = new Set();
          for (const e of document.querySelectorAll('[id]')) {
            if (ids.has(e.id)) bad.push(`id ${e.id} twice`);
            ids.add(e.id);
          }
          for (const attribute of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for'])
            for (const e of document.querySelectorAll(`[${attribute}]`))
              for (const id of e.getAttribute(attribute).split(/\s+/))
                if (!document.getElementById(id)) bad.push(`${attribute}=${id} leads nowhere`);
          for (const [selector, n] of [['main', 1], ['h1', 1], ['body > header', 1]])
            if (document.querySelectorAll(selector).length !== n) bad.push(`not ${n} ${selector}`);
          if (!document.documentElement.lang) bad.push('no language');
          if (!document.title) bad.push('no title');
          let level = 0;
          for (const h of document.querySelectorAll('main :is(h1, h2, h3, h4)')) {
            const now = Number(h.tagName[1]);
            if (level > 0 && now > level + 1) bad.push(`heading ${h.textContent} jumps`);
            level = now;
          }
          for (const grid of document.querySelectorAll('[role=grid]:not(table)'))
            for (const row of grid.children) if (row.getAttribute('role') !== 'row') bad.push('a grid has something else than rows');
          for (const table of document.querySelectorAll('table'))
            if (!table.querySelector('th[scope=col]')) bad.push('a table without heads');
          for (const table of document.querySelectorAll('.virtual table'))
            if (table.querySelectorAll('tbody tr[tabindex="0"]').length > 1) bad.push('more than one row is a stop');
          for (const e of document.querySelectorAll('[tabindex]'))
            if (e.tabIndex > 0) bad.push('a tabindex above 0');
          return bad;
        }
        """;

    /// <summary>Each text has 4.5:1 against the first ground below it that is not transparent; controls' edges have 3:1.</summary>
    public const string Contrast = """
        () => {
          const parse = (text) => { const m = text.match(/[\d.]+/g).map(Number); return { r: m[0], g: m[1], b: m[2], a: m[3] ?? 1 }; };
          const linear = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
          const luminance = (c) => 0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b);
          const ratio = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
          const groundOf = (e) => {
            for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a > 0.99) return c; }
            return { r: 255, g: 255, b: 255, a: 1 };
          };
          const bad = [];
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const e = walker.currentNode.parentElement;
            if (!walker.currentNode.textContent.trim() || !e.checkVisibility() || ['SCRIPT', 'STYLE', 'OPTION'].includes(e.tagName) || e.closest('noscript')) continue;
            if (e.disabled) continue;
            const grounds = [groundOf(e)];
            // A bar may stand under a text as well.
            const fill = e.closest('td')?.querySelector('.bar-fill');
            if (fill) grounds.push(parse(getComputedStyle(fill).backgroundColor));
            for (const ground of grounds) {
              const r = ratio(parse(getComputedStyle(e).color), ground);
              if (r < 4.5) bad.push(`${r.toFixed(2)}: ${e.tagName}.${e.className} "${walker.currentNode.textContent.trim().slice(0, 30)}"`);
            }
          }
          for (const e of document.querySelectorAll('input:not([type=checkbox]), select, button:enabled, .node')) {
            if (!e.checkVisibility() || e.closest('th')) continue;
            const r = ratio(parse(getComputedStyle(e).borderTopColor), groundOf(e.parentElement));
            if (r < 3) bad.push(`${r.toFixed(2)}: edge of ${e.tagName}#${e.id}.${e.className}`);
          }
          return [...new Set(bad)];
        }
        """;
}
