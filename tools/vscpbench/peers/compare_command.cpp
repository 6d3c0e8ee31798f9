#include "tools/vscpbench/peers/compare_command.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <expected>
#include <filesystem>

#include "tools/vscpbench/duration.h"
#include "tools/vscpbench/json_files.h"
#include "tools/vscpbench/machine.h"
#include "tools/vscpbench/output_file.h"
#include "tools/vscpbench/peers/body.h"
#include "tools/vscpbench/peers/compare_table.h"
#include "tools/vscpbench/peers/comparison.h"
#include "tools/vscpbench/run_options.h"
#include "tools/vscpbench/scenario.h"
#include "tools/vscpbench/stop_signal.h"
#include "tools/vscpbench/text_report.h"

namespace bench::peers {
namespace {

int fail(const std::string& text) {
  std::fprintf(stderr, "vscpbench compare: %s\n", text.c_str());
  return kUsageError;
}

std::vector<std::string> all_peers() {
  std::vector<std::string> names{std::string(kFloor)};
  for (const auto& kind : peer_kinds()) names.emplace_back(kind.name);
  return names;
}

std::vector<std::string> all_wires() {
  std::vector<std::string> names;
  for (const char* name : {"text", "binary"}) {
    if (make_wire(name) != nullptr) names.emplace_back(name);
  }
  return names;
}

/// The daemon of the same build or installation; empty if there is none.
std::string find_router() {
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const auto* place : {"vscprouterd", "../sbin/vscprouterd", "../../router/daemon/vscprouterd"}) {
    const auto file = (own / place).lexically_normal();
    if (!error && access(file.c_str(), X_OK) == 0) return file;
  }
  return find_program("vscprouterd");
}

}  // namespace

struct CompareCommand::Words {
  CLI::App* command = nullptr;
  Selection selection;
  ComparisonPlan plan;
  std::string seconds = "2s";
  std::string warmup = "300ms";
  std::string stall = "10s";
  std::string json;
  bool quiet = false;

  std::string complete();
};

CompareCommand::CompareCommand(CLI::App& app) : words_(std::make_unique<Words>()) {
  auto& w = *words_;
  w.selection.peers = all_peers();
  w.selection.wires = all_wires();
  w.plan.shapes = {"1:1", "1:16", "1:256", "16:16"};
  w.plan.payloads = {8, 487};
  w.plan.load.window = 0;
  w.plan.load.window_bytes = 0;
  w.command = app.add_subcommand("compare", "the same work through the router and other servers, side by side");
  auto& c = *w.command;
  c.add_option("--server", w.selection.router, "file of vscprouterd (default: the one next to this program)");
  c.add_option("--peers", w.selection.peers, "what to compare with: floor, floor:OPTION=VALUE, nats, redis, mosquitto")
      ->delimiter(',')
      ->check([](const std::string& name) { return is_peer(name) ? "" : "there is no peer \"" + name + "\""; })
      ->capture_default_str();
  c.add_option("--wire", w.selection.wires, "dialects of the router and the floor: " + wire_names())
      ->delimiter(',')
      ->check(CLI::IsMember(all_wires()))
      ->capture_default_str();
  c.add_option("--shape", w.plan.shapes, "PRODUCERS:CONSUMERS")->delimiter(',')->capture_default_str();
  c.add_option("--payload", w.plan.payloads, "data bytes per event")->delimiter(',')->capture_default_str();
  c.add_option("--repeat", w.plan.repeat, "runs of each; medians are shown")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  c.add_option("--for", w.seconds, "how long each run sends")->capture_default_str();
  c.add_option("--events", w.plan.load.events, "events of each run, instead of --for");
  c.add_option("--warmup", w.warmup, "sending before each measurement")->capture_default_str();
  c.add_option("--window", w.plan.load.window,
               "events on their way to the slowest consumer (default: 16384, but no more than 2 MiB, and 256 MiB over "
               "all consumers)");
  c.add_option("--stall", w.stall, "give up a run when nothing moves for so long")->capture_default_str();
  c.add_option("--latency-rate", w.plan.latency_rate, "events per second of the latency runs; 0 = without")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  c.add_option("--connects", w.plan.connects, "sessions of the connect storm; 0 = without")->capture_default_str();
  c.add_flag("--verify", w.plan.load.verify, "compare every byte of every event");
  c.add_option("--json", w.json, "write the result there; - = standard output, the table then goes to standard error");
  c.add_flag("--quiet", w.quiet, "no progress");
}

CompareCommand::~CompareCommand() = default;

bool CompareCommand::chosen() const {
  return words_->command->parsed();
}

/// Fills what follows from other options. A sentence if something is wrong.
std::string CompareCommand::Words::complete() {
  const auto duration = parse_duration(seconds);
  const auto warm = parse_duration(warmup);
  const auto patience = parse_duration(stall);
  if (!duration || !warm || !patience) return "a duration is a number with s, ms, m or h, like 5s";
  if (*duration <= 0 || *patience <= 0) return "--for and --stall must be longer than 0";
  plan.load.seconds = *duration;
  plan.load.warmup_seconds = *warm;
  plan.load.stall_seconds = *patience;
  for (const auto& shape : plan.shapes) {
    Load load;
    if (!parse_shape(shape, load) || load.consumers == 0) return "\"" + shape + "\" is no shape like 1:16";
    selection.two_workers = selection.two_workers || (load.producers > 1 && load.consumers > 1);
  }
  for (const auto payload : plan.payloads) {
    if (payload < kBodyBytesMin || payload > 512) {
      return "a payload has 8 to 512 bytes: other servers carry the event's identity in it";
    }
  }
  if (selection.router.empty()) selection.router = find_router();
  if (selection.router.empty()) return "there is no vscprouterd next to this program; say where with --server";
  return {};
}

int CompareCommand::run(int argc, const char* const* argv) {
  auto& w = *words_;
  if (auto error = w.complete(); !error.empty()) return fail(error);
  if (auto error = check_output(w.json); !error.empty()) return fail(error);
  ResultFile file{describe_machine(argc, argv), {}};
  auto servers = Servers::start(w.selection);
  if (!servers) return fail(servers.error());
  file.machine.server_version = servers->versions();
  std::FILE* out = w.json == "-" ? stderr : stdout;
  for (const auto& remark : servers->remarks()) std::fprintf(out, "%s\n", remark.c_str());
  std::string error;
  {
    ProgressLine progress(w.quiet);
    error = run_comparison(w.plan, *servers, progress, stop_requested(), file.results);
  }
  const auto stop_error = servers->stop();
  if (!file.results.empty()) {
    print_machine(out, file.machine);
    std::fprintf(out, "%s\n", servers->versions().c_str());
    print_comparison(out, file.results);
    if (!w.json.empty()) {
      if (const auto unwritten = write_output(w.json, to_json(file)); !unwritten.empty()) return fail(unwritten);
    }
    std::fflush(out);
  }
  if (stop_requested()) return kInterruptedStatus;
  if (!error.empty()) return fail(error);
  if (!stop_error.empty()) return fail(stop_error);
  return exit_status(file.results, false);
}

}  // namespace bench::peers
