// drivers.level1 and drivers.level2: upstream's keys, this router's own, and what is wrong with them.
#include "drivers/library/library_config.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace drivers::library {
namespace {

struct Read {
  LibrariesConfig config;
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

Read read(const std::string& text) {
  router::ConfigContext context;
  context.file = "a.json";
  const auto root = router::parse_config_text(text, context);
  EXPECT_TRUE(root);
  std::set<const router::ConfigNode*> claimed;
  router::ConfigPlace place;
  place.folder = "/etc/vscp";
  place.log_bytes = 64U << 20U;
  place.claimed = &claimed;
  router::ObjectReader reader(&*root, "", context);
  Read out;
  out.config = read_libraries(reader, place);
  sort_issues(context);
  for (const auto& issue : context.errors) out.errors.push_back(to_text(issue));
  for (const auto& issue : context.warnings) out.warnings.push_back(to_text(issue));
  return out;
}

TEST(LibraryConfig, UpstreamsEntriesMeanWhatTheyMeant) {
  const Read got = read(
      R"({"drivers": {"level1": [{"enable": true, "name": "can", "config": "can0;1", "path": "/lib/l1.so", "flags": 3,
      "guid": "FF:FF:FF:FF:FF:FF:FF:F5:01:00:00:00:00:00:00:00", "translation": 2, "mqtt": {"host": "x"}}],
    "level2": [{"enable": true, "name": "log", "path-driver": "lib/l2.so", "path-config": "log.json", "guid": ""},
               {"enable": false, "path-driver": 5}]}})");
  EXPECT_EQ(got.errors, std::vector<std::string>{});
  EXPECT_EQ(got.warnings, std::vector<std::string>{});
  ASSERT_EQ(got.config.libraries.size(), 2U);
  const LibraryConfig& one = got.config.libraries[0];
  EXPECT_EQ(one.name, "can");
  EXPECT_EQ(one.library.kind, LibraryKind::kLevel1);
  EXPECT_EQ(one.library.path, "/lib/l1.so");
  EXPECT_EQ(one.library.configuration, "can0;1");
  EXPECT_EQ(one.library.flags, 3U);
  EXPECT_EQ(one.library.translation, kTranslateToText);
  EXPECT_EQ(one.library.guid.bytes[8], 1);
  EXPECT_EQ(one.isolation, Isolation::kProcess);
  const LibraryConfig& two = got.config.libraries[1];
  EXPECT_EQ(two.library.path, "/etc/vscp/lib/l2.so");
  EXPECT_EQ(two.library.configuration, "/etc/vscp/log.json");
  EXPECT_TRUE(two.library.guid.is_zero());
}

TEST(LibraryConfig, OwnKeys) {
  const Read got = read(R"({"drivers": {"host-program": "bin/host", "level2": [{"path-driver": "/x/foo.so",
    "event-layout": "classic", "guid-form": "text", "library-keeps-data": true, "isolation": "process", "memory-max": 33554432, "cpu-max": 50,
    "open-files-max": 64, "call-timeout-ms": 0, "open-timeout-ms": 5, "one-call-at-a-time": true, "max-rate": 100, "send": false,
    "max-out-queue": 77, "restart": {"delay": 0.5, "delay-max": 8, "exponential-backoff": false}}]}})");
  EXPECT_EQ(got.errors, std::vector<std::string>{});
  EXPECT_EQ(find_host_program(got.config), "/etc/vscp/bin/host");
  ASSERT_EQ(got.config.libraries.size(), 1U);
  const LibraryConfig& one = got.config.libraries[0];
  EXPECT_EQ(one.name, "foo");
  EXPECT_EQ(one.library.layout, EventLayout::kClassic);
  EXPECT_EQ(one.library.guid_form, GuidForm::kText);
  EXPECT_TRUE(one.library.library_keeps_data);
  EXPECT_TRUE(one.library.one_call_at_a_time);
  EXPECT_EQ(one.memory_max, 33'554'432U);
  EXPECT_EQ(one.cpu_max, 50U);
  EXPECT_EQ(one.open_files_max, 64U);
  EXPECT_EQ(one.call_timeout_ms, 0U);
  EXPECT_EQ(one.open_timeout_ms, 5U);
  EXPECT_EQ(one.max_rate, 100U);
  EXPECT_FALSE(one.send);
  EXPECT_EQ(one.queue.max_out_queue, 77U);
  EXPECT_EQ(one.delay_ms, 500U);
  EXPECT_EQ(one.delay_max_ms, 8000U);
  EXPECT_FALSE(one.exponential);
}

TEST(LibraryConfig, ErrorsSayWhatToWrite) {
  const Read got = read(
      "{\"drivers\": {\"level1\": [\n{\"path\": \"\", \"guid\": \"x\"},\n"
      "{\"path\": \"/a.so\", \"translation\": 9, \"isolation\": \"nome\"},\n"
      "{\"path\": \"/a.so\", \"memory-max\": 5, \"slow-consumer\": \"disconnect\"},\n"
      "{\"path\": \"/b.so\", \"isolation\": \"none\", \"cpu-max\": 10, \"restart\": {\"delay\": 9, \"delay-max\": "
      "2}}]}}");
  EXPECT_EQ(
      got.errors,
      (std::vector<std::string>{
          "a.json:2:10: drivers.level1[0].path: is missing: write the name of the driver's library, /path/driver.so",
          "a.json:2:22: drivers.level1[0].guid: \"x\" is no GUID: write 16 hex pairs with colons, or \"-\" for the "
          "channel's own",
          "a.json:3:34: drivers.level1[1].translation: has bits that mean nothing: write 1 (measurements as double), 2 "
          "(as text), 4 (Level I over Level II), or a sum",
          "a.json:3:50: drivers.level1[1].isolation: \"nome\" is not known: write \"process\" or \"none\" (did you mean "
          "\"none\"?)",
          "a.json:4:1: drivers.level1[2]: another driver has the name \"a\" already: write another \"name\"",
          "a.json:4:33: drivers.level1[2].memory-max: is too small: write 0 (any), or at least 16777216 bytes",
          "a.json:4:53: drivers.level1[2].slow-consumer: is not for a driver library: write \"drop-lowest-priority\" "
          "or "
          "\"drop-oldest\"",
          "a.json:5:51: drivers.level1[3].cpu-max: needs a process of its own: remove it, or write \"isolation\": "
          "\"process\"",
          "a.json:5:92: drivers.level1[3].restart.delay-max: is less than \"delay\": write at least as much"}));
}

TEST(LibraryConfig, ABrokersSectionIsLeftToTheMqttDriver) {
  const Read got =
      read(R"({"drivers": {"level2": [{"path-driver": "/a.so", "mqtt": {"publish": [{"topic": "x"}]}}]}})");
  EXPECT_EQ(got.errors, std::vector<std::string>{});
  EXPECT_EQ(got.warnings, std::vector<std::string>{});
}

TEST(LibraryConfig, FilesAreLookedAt) {
  EXPECT_EQ(library_file_problem("/proc/self/exe"), "");
  EXPECT_EQ(library_file_problem("/nonexistent/x.so"),
            "there is no file /nonexistent/x.so: write the name of the driver's library");
  EXPECT_EQ(library_file_problem("/tmp"), "/tmp is no file: write the name of the driver's library");
  EXPECT_EQ(host_program_problem("/proc/self/exe"), "");
  EXPECT_NE(host_program_problem("/etc/passwd").find("Permission denied"), std::string::npos);
}

}  // namespace
}  // namespace drivers::library
