#include "analysis/report/sections.hpp"

namespace moesim::analysis {

namespace {

/// Surfaces and inks; colours of things are the same in both, chosen to stand apart on either.
constexpr std::string_view kInks = R"(
:root{color-scheme:light dark;--page:#fff;--ink:#1a1f26;--soft:#59636e;--rule:#dde2e8;
--panel:#f5f7f9;
--idle:#eceff2;--bad:#b3261e;--good:#1a7f37;
--blue:#3b76c4;--orange:#e8833a;--yellow:#e0b22c;--lime:#8ab833;--olive:#6f7d22;--teal:#1b9e8f;
--pink:#c866ac;--violet:#7d5fb8;
--red:#b3383f;--brown:#96694c;--grey:#a3acb6;--green:#4d9a4f;--sky:#64aee3}
@media screen and (prefers-color-scheme:dark){:root{--page:#11151a;--ink:#e4e8ed;--soft:#9aa5b1;
--rule:#2c343d;--panel:#1a2027;--idle:#20272f;--bad:#ff7a70;--good:#56c271;
--blue:#5590dd;--orange:#ee9450;--yellow:#e3bd4a;--lime:#98c545;--olive:#8b9a3a;--teal:#2eb5a5;
--pink:#d67bbb;--violet:#967ad0;
--red:#cf5257;--brown:#b08262;--grey:#56606b;--green:#62b064;--sky:#6fb6e8}}
)";

constexpr std::string_view kPage = R"(
*{box-sizing:border-box}
body{margin:0 auto;padding:24px 28px 64px;max-width:1180px;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{font-size:26px;line-height:1.25;margin:8px 0 4px;overflow-wrap:anywhere}
h2{font-size:19px;margin:44px 0 4px;padding-top:14px;border-top:1px solid var(--rule)}
h3{font-size:15px;margin:22px 0 6px}
p{margin:4px 0 12px;max-width:900px}
.plan,figcaption,small,nav{color:var(--soft)}
nav{font-size:13px;margin:18px 0 0;display:flex;flex-wrap:wrap;gap:2px 14px}nav a{white-space:nowrap}
a{color:inherit}
.bad{color:var(--bad)}.good{color:var(--good)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(146px,1fr));gap:10px;margin:18px 0}
.tile{background:var(--panel);border:1px solid var(--rule);border-radius:8px;padding:10px 12px}
.tile span{display:block;font-size:12px;color:var(--soft)}
.tile strong{display:block;font-size:21px;line-height:1.35}
.tile small{display:block;font-size:12px;line-height:1.35}
.tile.bad strong{color:var(--bad)}.tile.bad{border-color:var(--bad);color:inherit}
figure{margin:10px 0 18px;break-inside:avoid}
figcaption{font-size:12.5px;margin-top:2px}
.chart,.scroll{overflow-x:auto}
svg{display:block;width:100%;min-width:820px;height:auto;
font:11px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
svg text{fill:var(--ink)}svg .tick{fill:var(--soft)}svg .strong{font-weight:600}
svg .on{fill:#fff;font-weight:600;paint-order:stroke;stroke:#0006;stroke-width:2px;
pointer-events:none}
svg .box{fill:#101418;font-size:9.5px;pointer-events:none}
svg .grid{stroke:var(--rule)}svg .mark{stroke:var(--ink);stroke-dasharray:4 3}
svg .wire{stroke:var(--soft);stroke-width:1.5}
svg .tier{fill:var(--panel);stroke:var(--rule)}svg .strong-tier{stroke:var(--blue)}
.h4,.s0{fill:var(--idle)}
.h0{fill:var(--blue)}.h1{fill:color-mix(in srgb,var(--blue) 75%,var(--idle))}
.h2{fill:color-mix(in srgb,var(--blue) 50%,var(--idle))}
.h3{fill:color-mix(in srgb,var(--blue) 25%,var(--idle))}
.h5{fill:color-mix(in srgb,var(--red) 25%,var(--idle))}
.h6{fill:color-mix(in srgb,var(--red) 50%,var(--idle))}
.h7{fill:color-mix(in srgb,var(--red) 75%,var(--idle))}.h8,.s8{fill:var(--red)}
.s1{fill:color-mix(in srgb,var(--orange) 25%,var(--idle))}
.s2{fill:color-mix(in srgb,var(--orange) 50%,var(--idle))}
.s3{fill:color-mix(in srgb,var(--orange) 75%,var(--idle))}.s4{fill:var(--orange)}
.s5{fill:color-mix(in srgb,var(--red) 25%,var(--orange))}
.s6{fill:color-mix(in srgb,var(--red) 50%,var(--orange))}
.s7{fill:color-mix(in srgb,var(--red) 75%,var(--orange))}
.drawn{display:none}.live .drawn{display:block}.live .charted>.chart{display:none}
.chooser{display:none;gap:6px;margin:8px 0 2px}.live .chooser{display:flex;flex-wrap:wrap}
.chooser button{font:inherit;font-size:12.5px;color:var(--ink);background:var(--panel);
border:1px solid var(--rule);border-radius:6px;padding:2px 10px;cursor:pointer}
.chooser button[aria-pressed=true]{border-color:var(--blue);box-shadow:inset 0 0 0 1px var(--blue)}
.under{font-size:12.5px;color:var(--soft);margin:0 0 10px}
svg .whisker{stroke:var(--soft)}svg .middle{fill:var(--ink)}svg .idle{fill:var(--idle)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 16px;margin:8px 0 4px;padding:0;
font-size:13px}
.legend i,.dot{display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:6px}
table{border-collapse:collapse;font-size:13px;margin:8px 0 14px}
th{text-align:left;font-weight:600;color:var(--soft);border-bottom:1px solid var(--rule)}
th,td{padding:3px 14px 3px 0;vertical-align:top;overflow-wrap:break-word}
td{border-bottom:1px solid var(--panel)}
.n{text-align:right;font-variant-numeric:tabular-nums}td.n{white-space:nowrap}
.long{display:inline-block;max-width:230px;overflow-wrap:anywhere}
th{max-width:180px}td:first-child .long{min-width:180px}td:has(>.dot){white-space:nowrap}
tr.sum td{font-weight:600;border-top:1px solid var(--rule)}
tr.default td{color:var(--soft)}
.bar{display:inline-flex;width:150px;height:9px;background:var(--idle);border-radius:2px;
overflow:hidden}
.bar i{display:block;height:100%}
code,pre{font:12.5px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre{background:var(--panel);border:1px solid var(--rule);border-radius:8px;padding:12px 14px;
white-space:pre-wrap;overflow-wrap:anywhere}
@media print{body{max-width:none;padding:0;font-size:11px}nav,.live .chooser,.live .drawn{display:none}.live .charted>.chart{display:block}svg{min-width:0}
h2{break-after:avoid}table{font-size:10px}tr{break-inside:avoid}.legend,figcaption{font-size:11px}
.tiles{grid-template-columns:repeat(auto-fit,minmax(118px,1fr))}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
@page{size:A4 landscape;margin:14mm}
)";

struct Colour {
    const char *names, *value;
};
/// Units, parts and kinds share colours where they mean the same.
constexpr Colour kColours[] = {{"compute", "blue"},
                               {"exposed-ep", "orange"},
                               {"ep", "orange"},
                               {"exposed-tp", "lime"},
                               {"tp", "lime"},
                               {"exposed-cp", "olive"},
                               {"cp", "olive"},
                               {"exposed-pp", "pink"},
                               {"pp", "pink"},
                               {"exposed-dp", "violet"},
                               {"dp", "violet"},
                               {"imbalance", "red"},
                               {"host", "brown"},
                               {"bubble", "grey"},
                               {"optimizer", "green"},
                               {"forward", "yellow"},
                               {"input-gradient", "teal"},
                               {"weight-gradient", "sky"},
                               {"backward", "violet"},
                               {"pair", "blue"},
                               {"link", "sky"},
                               {"memory-weights", "blue"},
                               {"memory-gradients", "teal"},
                               {"memory-optimizer", "green"},
                               {"memory-activations", "orange"},
                               {"memory-buffers", "grey"},
                               {"measured", "blue"},
                               {"interpolated", "sky"},
                               {"extrapolated", "orange"},
                               {"roofline", "red"}};

}  // namespace

std::string style_sheet() {
    std::string out{kInks};
    out += kPage;
    for (const Colour& c : kColours)
        out += std::string{".c-"} + c.names + "{fill:var(--" + c.value + ");background:var(--" +
               c.value + ")}\n";
    return out;
}

}  // namespace moesim::analysis
