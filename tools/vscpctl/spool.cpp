#include "tools/vscpctl/spool.h"

#include <array>
#include <cstdio>

#include "protocol/datetime.h"
#include "router/base/json_writer.h"
#include "router/io/spool.h"
#include "tools/client/text.h"
#include "tools/vscpctl/connection.h"

namespace tools::ctl {
namespace {

std::string date_of(std::uint64_t time_ns) {
  std::array<char, vscp::kDatetimeTextSize> text;
  return {text.data(), vscp::format_datetime(time_ns, text.data())};
}

std::string json_of(const std::string& folder, const router::SpoolContents& contents) {
  router::JsonWriter json;
  json.begin_object()
      .member("folder", folder)
      .member("records", contents.records)
      .member("bytes", contents.bytes)
      .member("disk-bytes", contents.disk_bytes)
      .member("segments", contents.report.segments);
  json.key("oldest");
  contents.oldest_ns != 0 ? json.value(date_of(contents.oldest_ns)) : json.null();
  json.key("records-by-priority").begin_array();
  for (const std::uint64_t records : contents.records_by_lane) json.value(records);
  json.end_array()
      .member("damaged-records", contents.report.damaged_records)
      .member("damaged-segments", contents.report.damaged_segments)
      .member("unfinished-records", contents.report.unfinished_records)
      .end_object();
  return json.take();
}

std::string text_of(const std::string& folder, const router::SpoolContents& contents) {
  std::string text = cat(folder, ": ", contents.report.text(), ", ", contents.disk_bytes, " bytes on disk\n");
  if (contents.records == 0) return text;
  text += cat("  oldest      ", date_of(contents.oldest_ns), "\n");
  for (std::size_t i = 0; i < contents.records_by_lane.size(); ++i) {
    if (contents.records_by_lane[i] > 0) text += cat("  priority ", i, "  ", contents.records_by_lane[i], "\n");
  }
  return text;
}

}  // namespace

int run_spool(const SpoolOptions& options) {
  const auto contents = router::inspect_spool(options.folder);
  if (!contents) return fail(contents.error());
  std::fputs(
      options.json ? (json_of(options.folder, *contents) + "\n").c_str() : text_of(options.folder, *contents).c_str(),
      stdout);
  if (!options.purge) return kExitOk;
  const auto purged = router::purge_spool(options.folder);
  if (!purged) return fail(purged.error());
  std::fprintf(stderr, "%llu records were dropped\n", static_cast<unsigned long long>(*purged));
  return kExitOk;
}

}  // namespace tools::ctl
