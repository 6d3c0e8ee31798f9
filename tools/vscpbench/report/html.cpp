#include "tools/vscpbench/report/html.h"

#include <algorithm>

#include "tools/vscpbench/report/plots.h"
#include "tools/vscpbench/tables.h"

namespace bench {
namespace {

constexpr double kWide = 860;
constexpr double kNarrow = 380;

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--stripe:#f5f6f8;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--stripe:#1e2126;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:892px;padding:16px;background:var(--c0);color:var(--c1);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
h1{font-size:1.5rem;margin:.3em 0}h2{font-size:1.15rem;margin:1.8em 0 .4em}
p{margin:.4em 0}.muted{color:var(--c2)}.bad{color:var(--bad);font-weight:600}
.scroll{overflow-x:auto;margin:.6em 0 1em}
table{border-collapse:collapse;font-size:.86rem;font-variant-numeric:tabular-nums}
th,td{padding:.28em .7em;text-align:right;white-space:nowrap;border-bottom:1px solid var(--c3)}
th{color:var(--c2);font-weight:600;vertical-align:bottom}
.l{text-align:left}tr.spread td{color:var(--c2);font-size:.92em;border-bottom:1px solid var(--c3);padding-top:0}
tr.main td{border-bottom:none}tr:nth-child(even) td{background:var(--stripe)}
table.plain tr td{background:none}td.wrap{white-space:normal;overflow-wrap:anywhere}
figure{margin:1.2em 0}svg{width:100%;height:auto;display:block;font-family:inherit}
.narrow{display:none}@media (max-width:560px){.narrow{display:block}.wide{display:none}body{padding:8px}}
code{font-size:.9em;overflow-wrap:anywhere}
)";

/// Once for wide and once for narrow screens; the style shows one of them.
std::string picture(const Plot& plot) {
  return "<figure aria-label=\"" + escape_html(plot.title + ". " + plot.note) + "\">\n" +
         draw_svg(plot, kWide, "wide") + draw_svg(plot, kNarrow, "narrow") + "</figure>\n";
}

/// "34.2 us" reads "34.2 µs".
std::string pretty(std::string text) {
  for (auto at = text.find(" us"); at != std::string::npos; at = text.find(" us", at + 3)) {
    const auto after = at + 3;
    if (after == text.size() || text[after] == ' ' || text[after] == '/') text.replace(at, 3, " µs");
  }
  return text;
}

std::string cell(const char* tag, const std::string& text, bool left) {
  return "<" + std::string(tag) + (left ? " class=\"l\">" : ">") + escape_html(pretty(text)) + "</" + tag + ">";
}

std::string table_html(const Table& table) {
  const auto is_spread = [&](std::size_t row) {
    return row < table.rows.size() && table.rows[row].front() == "  spread";
  };
  const bool paired = is_spread(1);  // stripes would part a line from its spread
  std::string html = "<div class=\"scroll\"><table" + std::string(paired ? " class=\"plain\"" : "") + ">\n<thead><tr>";
  for (std::size_t i = 0; i < table.header.size(); ++i) html += cell("th", table.header[i], i < table.left_columns);
  html += "</tr></thead>\n<tbody>\n";
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    html += is_spread(row) ? "<tr class=\"spread\">" : is_spread(row + 1) ? "<tr class=\"main\">" : "<tr>";
    for (std::size_t i = 0; i < table.rows[row].size(); ++i) {
      html += cell("td", table.rows[row][i], i < table.left_columns);
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string machine_html(const Machine& machine) {
  std::string html = "<div class=\"scroll\"><table class=\"plain\">\n";
  const auto row = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    html += "<tr><td class=\"l muted\">" + std::string(name) + "</td><td class=\"l wrap\">" + escape_html(value) +
            "</td></tr>\n";
  };
  row("CPU", machine.cpu + ", " + std::to_string(machine.cores) + " cores");
  row("memory", figure_text(static_cast<double>(machine.memory_bytes), "B"));
  row("system", machine.host_os + ", " + machine.kernel);
  row("CPU frequency governor", machine.governor);
  row("load average before", number_text(machine.load_before));
  row("server answers to VERS", machine.server_version);
  row("vscpbench", machine.tool_version + ", commit " + machine.tool_commit + ", " + machine.compiler);
  row("date", machine.date);
  row("command", machine.command);
  return html + "</table></div>\n";
}

std::string verdict_html(const ResultFile& file) {
  std::string html;
  if (const auto warning = busy_warning(file.machine); !warning.empty()) {
    html += "<p class=\"bad\">Note: " + escape_html(warning) + ".</p>\n";
  }
  bool faults = false;
  for (const auto& result : file.results) {
    if (!result.faults.any()) continue;
    faults = true;
    html += "<p class=\"bad\">" +
            escape_html(label_of(result) + ", " + result.server + ": " + faults_text(result.faults)) + "</p>\n";
  }
  if (!faults) html += "<p>Every event arrived at every consumer once, in order and unchanged.</p>\n";
  return html;
}

std::string remarks_html(const ResultFile& file) {
  std::string html;
  for (const auto& line : remark_lines(file.results, true)) html += "<li>" + escape_html(line) + "</li>\n";
  return html.empty() ? html : "<h2>Remarks</h2>\n<ul>\n" + html + "</ul>\n";
}

}  // namespace

std::string html_report(const ResultFile& file) {
  std::string html =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>vscpbench, " +
      escape_html(file.machine.date) + "</title>\n<style>" + css() + std::string(kStyle) +
      "</style>\n</head>\n<body>\n<h1>vscpbench: " + escape_html(main_server(file.results)) + "</h1>\n";
  html += verdict_html(file);
  html += "<h2>Machine</h2>\n" + machine_html(file.machine);
  html += "<h2>Plots</h2>\n";
  for (const auto& plot : make_plots(file.results)) html += picture(plot);
  html +=
      "<h2>Figures</h2>\n<p class=\"muted\">Medians over repeats. \"srv us/dlv\" is CPU time of the server per "
      "delivery, \"cli\" that of the load generator, \"lag\" how late the generator itself was.</p>\n";
  for (const auto& table : make_tables(file.results)) html += table_html(table);
  html += remarks_html(file);
  return html + "</body>\n</html>\n";
}

}  // namespace bench
