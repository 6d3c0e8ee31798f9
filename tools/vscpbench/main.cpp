// vscpbench: load on a VSCP tcp/ip link server, and what came of it. See README.md.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>

#include "tools/vscpbench/engine.h"
#include "tools/vscpbench/floor/floor_command.h"
#include "tools/vscpbench/json_files.h"
#include "tools/vscpbench/link_session.h"
#include "tools/vscpbench/machine.h"
#include "tools/vscpbench/report.h"
#include "tools/vscpbench/spawn.h"

namespace {

constexpr int kUsageError = 2;
constexpr double kLatencyRate = 10000;
constexpr std::size_t kLatencyPayload = 487;
/// Flat out, one event in so many gives a latency: reading its time costs more than the rest of a delivery.
constexpr std::uint32_t kTimeEveryFlatOut = 16;

std::atomic<bool> stop_requested{false};

void on_signal(int) {
  stop_requested.store(true, std::memory_order_relaxed);
}

struct Settings {
  std::string host = "127.0.0.1:9598";
  std::string user;
  std::string password_file;
  std::vector<std::string> scenarios;
  std::vector<std::size_t> payloads;
  std::string duration;
  std::string warmup = "500ms";
  std::string stall = "5s";
  std::string json;
  bench::Load load;
  bench::EventShape shape;
  bench::SpawnOptions spawn;
  std::optional<unsigned> producers;
  std::optional<unsigned> consumers;
  std::optional<std::uint32_t> time_every;
  unsigned repeat = 1;
  unsigned priority = 3;
  pid_t pid = 0;
  bool allow_loss = false;
  bool quiet = false;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// "5s", "200ms", "2m" or a number of seconds; empty if it is none of these.
std::optional<double> parse_duration(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string unit(end, text.data() + text.size());
  static const std::map<std::string, double> kUnits{{"", 1},   {"s", 1},    {"ms", 0.001},
                                                    {"m", 60}, {"min", 60}, {"h", 3600}};
  const auto known = kUnits.find(unit);
  if (error != std::errc{} || known == kUnits.end() || !(value >= 0)) return std::nullopt;
  return value * known->second;
}

/// "4:16" into producers and consumers.
bool parse_scenario(const std::string& text, bench::Load& load) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) return false;
  const auto read = [&](std::size_t begin, std::size_t end, unsigned& out) {
    const auto [at, error] = std::from_chars(text.data() + begin, text.data() + end, out);
    return error == std::errc{} && at == text.data() + end;
  };
  return read(0, colon, load.producers) && read(colon + 1, text.size(), load.consumers);
}

void add_target_options(CLI::App& app, Settings& s) {
  app.add_option("--host", s.host, "server: HOST, HOST:PORT, [IPV6]:PORT or unix:PATH")->capture_default_str();
  app.add_option("--user", s.user, "user name; default $VSCP_USER")->envname("VSCP_USER");
  app.add_option("--password-file", s.password_file, "file whose first line is the password; default $VSCP_PASSWORD");
  app.add_option("--pid", s.pid, "process of the server; default: who listens on the port on this machine");
  app.add_option("--spawn", s.spawn.program, "start this vscprouterd for the run, and stop it afterwards");
  app.add_option("--server-workers", s.spawn.workers, "with --spawn: worker threads, 0 = the daemon's choice");
  app.add_option("--server-option", s.spawn.server_options,
                 "with --spawn: KEY=VALUE for its link listener (repeatable)");
  app.add_option("--user-option", s.spawn.user_options, "with --spawn: KEY=VALUE for its user (repeatable)");
}

void add_load_options(CLI::App& app, Settings& s) {
  app.add_option("--scenario", s.scenarios, "PRODUCERS:CONSUMERS, several with commas (default 1:1)")->delimiter(',');
  app.add_option("--producers", s.producers, "instead of --scenario");
  app.add_option("--consumers", s.consumers, "instead of --scenario; 0 = only send");
  app.add_option("--payload", s.payloads, "data bytes per event, several with commas")
      ->delimiter(',')
      ->check(CLI::Range(0, 512));
  app.add_option("--rate", s.load.rate, "events per second of all producers, open loop; 0 = flat out")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--events", s.load.events, "events to send, of all producers, instead of --for");
  app.add_option("--for", s.duration, "how long to send (default 5s)");
  app.add_option("--warmup", s.warmup, "sending before the measurement")->capture_default_str();
  app.add_option("--repeat", s.repeat, "runs per scenario: median and spread")->check(CLI::Range(1, 1000));
  app.add_option("--window", s.load.window,
                 "events of all producers that some consumer does not have yet; 0 = no limit, the server may drop")
      ->capture_default_str();
  app.add_option("--threads", s.load.threads, "client threads")->check(CLI::Range(1, 256))->capture_default_str();
  app.add_option("--stall", s.stall, "give up when nothing moves for so long")->capture_default_str();
  app.add_option("--class", s.shape.vscp_class, "VSCP class")->capture_default_str();
  app.add_option("--type", s.shape.vscp_type, "VSCP type")->capture_default_str();
  app.add_option("--priority", s.priority, "0 (highest) to 7")->check(CLI::Range(0, 7))->capture_default_str();
  const std::map<std::string, bench::TimeForm> forms{
      {"none", bench::TimeForm::kNone}, {"date", bench::TimeForm::kDate}, {"ns", bench::TimeForm::kNanoseconds}};
  app.add_option("--time", s.shape.time_form, "time that events are sent with: none, date or ns")
      ->transform(CLI::CheckedTransformer(forms));
  app.add_option("--time-every", s.time_every,
                 "take the latency of one event in so many (default 1 with a rate, 16 without)");
  app.add_flag("--verify", s.load.verify, "compare every byte of every event");
  app.add_flag("--spin", s.load.spin, "client threads never sleep: truer latencies for a core");
  app.add_flag("--allow-loss", s.allow_loss, "lost events are no failure");
  app.add_option("--json", s.json,
                 "write the result there; - = standard output, the table then goes to standard error");
  app.add_flag("--quiet", s.quiet, "no progress");
}

/// Fills what follows from other options. A sentence if something is wrong.
std::string complete(Settings& s) {
  if (s.spawn.program.empty() && !(s.spawn.server_options.empty() && s.spawn.user_options.empty())) {
    return "--server-option and --user-option need --spawn";
  }
  if (!s.scenarios.empty() && (s.producers || s.consumers)) return "give --scenario or --producers and --consumers";
  if (s.scenarios.empty()) {
    s.scenarios = {std::to_string(s.producers.value_or(1)) + ":" + std::to_string(s.consumers.value_or(1))};
  }
  if (s.load.events != 0 && !s.duration.empty()) return "give --events or --for";
  const auto seconds = parse_duration(s.duration.empty() ? "5s" : s.duration);
  const auto warmup = parse_duration(s.warmup);
  const auto stall = parse_duration(s.stall);
  if (!seconds || !warmup || !stall) return "a duration is a number with s, ms, m or h, like 5s";
  if (*seconds <= 0 || *stall <= 0) return "--for and --stall must be longer than 0";
  s.load.seconds = *seconds;
  s.load.warmup_seconds = *warmup;
  s.load.stall_seconds = *stall;
  s.load.time_every = std::max(1U, s.time_every.value_or(s.load.rate > 0 ? 1 : kTimeEveryFlatOut));
  s.shape.head = static_cast<std::uint16_t>(s.priority << 5U);
  for (const auto& scenario : s.scenarios) {
    bench::Load load;
    if (!parse_scenario(scenario, load) || load.producers == 0 || load.producers > 65535) {
      return "\"" + scenario + "\" is no PRODUCERS:CONSUMERS with at least one producer";
    }
  }
  return {};
}

std::string make_target(const Settings& s, bench::Target& target) {
  auto address = tools::parse_address(s.host);
  if (!address) return address.error().text;
  target.address = std::move(*address);
  target.user = s.user;
  target.password = environment("VSCP_PASSWORD");
  if (s.password_file.empty()) return {};
  std::ifstream file(s.password_file);
  if (!std::getline(file, target.password)) return "cannot read a password from " + s.password_file;
  if (target.password.ends_with('\r')) target.password.pop_back();
  return {};
}

void show_progress(const bench::Row& row, unsigned repeat, const bench::Progress& p) {
  std::fprintf(stderr, "\r\033[K%s %zu bytes, run %u, %s %.1f s: %llu events, %llu deliveries",
               bench::scenario_name(row.load).c_str(), row.shape.payload_bytes, repeat + 1, p.phase, p.seconds,
               static_cast<unsigned long long>(p.events), static_cast<unsigned long long>(p.deliveries));
}

/// Runs all repeats of one row. A sentence if one could not be run.
std::string run_row(const Settings& s, const bench::Target& target, pid_t server, const bench::Wire& wire,
                    bench::Row& row) {
  const bool progress = !s.quiet && isatty(STDERR_FILENO) != 0;
  static std::uint8_t run = 0;
  for (unsigned i = 0; i < s.repeat && !stop_requested; ++i) {
    row.shape.run = run++ & 15U;
    bench::ProgressCall call;
    if (progress) call = [&](const bench::Progress& p) { show_progress(row, i, p); };
    auto outcome = bench::run_load(target, row.load, row.shape, wire, server, stop_requested, call);
    if (progress) std::fprintf(stderr, "\r\033[K");
    if (!outcome) return outcome.error();
    row.outcomes.push_back(std::move(*outcome));
  }
  return {};
}

std::string run_all(const Settings& s, const bench::Target& target, pid_t server, std::vector<bench::Row>& rows) {
  const auto wire = bench::make_text_wire();
  for (const auto payload : s.payloads) {
    for (const auto& scenario : s.scenarios) {
      bench::Row row{std::string(wire->name()), s.load, s.shape, {}};
      row.shape.payload_bytes = payload;
      parse_scenario(scenario, row.load);
      if (auto error = run_row(s, target, server, *wire, row); !error.empty()) return error;
      if (!row.outcomes.empty()) rows.push_back(std::move(row));
      if (stop_requested) return {};
    }
  }
  return {};
}

/// What the server answers to VERS; empty if it does not.
std::string server_version(const bench::Target& target) {
  auto session = bench::LinkSession::open(target);
  const auto lines = session ? session->command("VERS") : std::unexpected(session.error());
  return lines && lines->size() > 1 ? lines->front() : std::string();
}

int fail(const std::string& text) {
  std::fprintf(stderr, "vscpbench: %s\n", text.c_str());
  return kUsageError;
}

int run(Settings& s, bench::Machine machine) {
  if (auto error = complete(s); !error.empty()) return fail(error);
  bench::Target target;
  std::optional<bench::SpawnedServer> spawned;
  pid_t server = s.pid;
  if (!s.spawn.program.empty()) {
    auto started = bench::SpawnedServer::start(s.spawn);
    if (!started) return fail(started.error());
    spawned.emplace(std::move(*started));
    target = spawned->target();
    server = spawned->pid();
  } else {
    if (auto error = make_target(s, target); !error.empty()) return fail(error);
    if (server == 0 && target.address.unix_path.empty()) server = bench::find_listener(target.address.port);
  }
  machine.server_version = server_version(target);
  std::vector<bench::Row> rows;
  const auto error = run_all(s, target, server, rows);
  const auto stop_error = spawned ? spawned->stop() : std::string();
  std::FILE* table = s.json == "-" ? stderr : stdout;
  if (!rows.empty()) {
    std::fprintf(table, "%s, %u cores, %s, %s\n", machine.cpu.c_str(), machine.cores, machine.kernel.c_str(),
                 machine.date.c_str());
    bench::print_table(table, rows);
    bench::print_remarks(table, rows, s.allow_loss);
  }
  if (!s.json.empty()) {
    const auto text = bench::result_file(machine, rows);
    std::FILE* file = s.json == "-" ? stdout : std::fopen(s.json.c_str(), "w");
    if (file == nullptr) return fail("cannot write " + s.json);
    const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    const bool closed = file == stdout ? std::fflush(file) == 0 : std::fclose(file) == 0;
    if (!written || !closed) return fail("cannot write " + s.json);
  }
  if (!error.empty()) return fail(error);
  if (!stop_error.empty()) return fail(stop_error);
  return rows.empty() ? kUsageError : bench::exit_status(rows, s.allow_loss);
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  CLI::App app(
      "Load on a VSCP tcp/ip link server: throughput, server CPU per delivery, latency, and whether every event "
      "arrived.");
  app.set_version_flag("--version", VSCPROUTER_VERSION);
  app.require_subcommand(1);
  Settings flat_out;
  auto* run_command = app.add_subcommand("run", "producers and consumers, flat out or at a rate");
  add_target_options(*run_command, flat_out);
  add_load_options(*run_command, flat_out);
  Settings steady;
  steady.load.rate = kLatencyRate;
  auto* latency_command =
      app.add_subcommand("latency", "run at a fixed rate: 10000 events/s of 487 bytes unless told otherwise");
  add_target_options(*latency_command, steady);
  add_load_options(*latency_command, steady);
  bench::floor::FloorCommand floor(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageError;
  }
  if (floor.chosen()) return floor.run();
  auto machine = bench::describe_machine(argc, argv);
  const bool latency = latency_command->parsed();
  auto& settings = latency ? steady : flat_out;
  if (settings.payloads.empty()) settings.payloads = {latency ? kLatencyPayload : 8};
  if (latency && settings.load.rate <= 0) return fail("latency needs a --rate above 0");
  return run(settings, std::move(machine));
}
