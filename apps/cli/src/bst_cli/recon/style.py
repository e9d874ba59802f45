"""How the page looks: light, dark and on paper, without anything from elsewhere."""

CSS = """
:root { --ink: #1d2733; --soft: #5b6875; --line: #dfe5ea; --page: #f6f8f9; --card: #fff; --good: #2f8f5b; --bad: #c8402f;
  --warn: #d18f1d; --quiet: #7f9cb8; --accent: #1f6f8b; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebef; --soft: #9aa8b5; --line: #2d3843; --page: #12181e; --card: #1a222a;
  --good: #4db87d; --bad: #ec6a5a; --warn: #e0a94a; --quiet: #6f8ca8; --accent: #63b3cf; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 60px; }
header { border-left: 8px solid var(--good); padding: 4px 0 4px 18px; margin-bottom: 22px; }
header.fail { border-color: var(--bad); }
h1 { margin: 0; font-size: 26px; line-height: 1.25; }
h2 { font-size: 18px; margin: 0 0 12px; }
.verdict { color: var(--good); } .fail .verdict { color: var(--bad); }
.soft, small { color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px; margin-bottom: 16px; }
.card, section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px; }
section { margin-bottom: 16px; break-inside: avoid; overflow-x: auto; }
.card b { display: block; font-size: 26px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.card.bad b { color: var(--bad); }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 6px 10px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--soft); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.value { font-family: ui-monospace, monospace; font-size: 12.5px; overflow-wrap: anywhere; max-width: 260px; min-width: 90px; }
.mark { font-weight: 700; } .mark.good { color: var(--good); } .mark.bad { color: var(--bad); }
svg { width: 100%; max-width: 900px; height: auto; display: block; }
svg text { fill: var(--ink); font-size: 13px; } svg text.small { fill: var(--soft); font-size: 12px; }
.good { fill: var(--good); } .bad { fill: var(--bad); } .warn { fill: var(--warn); } .quiet { fill: var(--quiet); }
.grid { width: auto; } .grid th { font-size: 12px; padding-right: 12px; }
.grid td { text-align: right; padding: 5px 12px; border: 1px solid var(--line); font-variant-numeric: tabular-nums; }
.grid td.same { color: var(--soft); }
.grid td.moved { background: color-mix(in srgb, var(--warn) calc(var(--strength, 0) * 60%), transparent); }
a { color: var(--accent); }
@media print { body { background: #fff; } main { max-width: none; padding: 0; } section, .card { border-color: #ccc; } }
"""
