#include "drivers/library/library_driver.h"

#include <poll.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "protocol/datetime.h"
#include "router/base/json_writer.h"
#include "router/core/driver_entry.h"

namespace drivers::library {
namespace {

using router::ObjectReader;

constexpr std::uint32_t kTypeLevel1Driver = 2;  // spec: vscp_tcpiplink.md#tcpip-interface-list
constexpr std::uint32_t kTypeLevel2Driver = 3;
constexpr std::uint64_t kMsNs = 1'000'000;
constexpr std::uint64_t kHourNs = 3'600'000 * kMsNs;
constexpr std::size_t kLibrariesMax = 255;

std::string date_text(std::uint64_t utc_ns) {
  std::array<char, vscp::kDatetimeTextSize> text;
  vscp::format_datetime(utc_ns, text.data());
  return {text.data(), text.size()};
}

struct PortRow {
  router::EventPortFigures figures;
  std::uint64_t lost = 0;
};

void write_figures_of_library(router::JsonWriter& array, const LibraryConfig& config, const LibraryFigures& figures) {
  array.member("not_deliverable", figures.not_deliverable)
      .member("read_failures", figures.read_failures)
      .member("write_failures", figures.write_failures)
      .member("garbage", figures.bad_size + figures.bad_pointer + figures.bad_id + figures.overrun_writes +
                             figures.layout_conflicts + figures.exceptions);
  if (config.library.kind != LibraryKind::kLevel1) return;
  array.member("left_out", figures.standard_frames + figures.remote_frames + figures.status_frames + figures.fd_frames);
  if (figures.has_status) {
    array.member("channel_status", figures.channel_status)
        .member("bus_error", std::string_view(figures.last_error_text.data()));
  }
  if (figures.has_statistics) {
    array.member("overruns", figures.overruns)
        .member("bus_warnings", figures.bus_warnings)
        .member("bus_off", figures.bus_off);
  }
}

/// `row`: null if the workers have not answered in time.
void write_row(router::JsonWriter& array, const LibraryConfig& config, const WatchStatus& status, const PortRow* row) {
  array.begin_object()
      .member("driver", "library")
      .member("name", config.name)
      .member("path", config.library.path)
      .member("isolation", config.isolation == Isolation::kProcess ? "process" : "none")
      .member("state", to_text(status.state))
      .member("since", date_text(status.since_utc_ns))
      .member("pid", status.process)
      .member("about", status.about);
  if (row != nullptr) {
    array.member("events_in", row->figures.events_in)
        .member("events_out", row->figures.events_out)
        .member("waiting", row->figures.waiting)
        .member("dropped", row->figures.dropped)
        .member("lost_with_host", row->lost);
  }
  array.member("starts", status.starts)
      .member("crashes", status.crashes)
      .member("hangs", status.hangs)
      .member("refusals", status.refusals)
      .member("over_memory", status.over_memory)
      .member("throttled_ms", status.throttled_ms)
      .member("memory_bytes", status.memory_bytes)
      .member("cpu_ms", status.cpu_ns / kMsNs);
  write_figures_of_library(array, config, status.figures);
  array.member("last_error", status.last_error)
      .member("last_error_at", status.last_error.empty() ? std::string() : date_text(status.last_error_utc_ns))
      .end_object();
}

}  // namespace

// ---- configuration --------------------------------------------------------------------------------------------------

std::unique_ptr<router::DriverConfig> LibraryDriverConfig::read(ObjectReader& root, const router::ConfigPlace& place) {
  auto out = std::make_unique<LibraryDriverConfig>();
  out->config = read_libraries(root, place);
  return out;
}

void LibraryDriverConfig::check_files(std::vector<router::ConfigIssue>& errors,
                                      std::vector<router::ConfigIssue>&) const {
  const auto add = [&errors](std::string text) {
    if (!text.empty()) errors.push_back({.file = {}, .line = 0, .column = 0, .path = {}, .text = std::move(text)});
  };
  bool processes = false;
  for (const LibraryConfig& library : config.libraries) {
    processes = processes || library.isolation == Isolation::kProcess;
    if (auto problem = library_file_problem(library.library.path); !problem.empty()) {
      add("driver " + library.name + ": " + problem);
    }
  }
  if (processes) add(host_program_problem(find_host_program(config)));
}

std::unique_ptr<router::Driver> LibraryDriverConfig::make(const router::DriverServices& services,
                                                          router::ThreadIndex) const {
  if (config.libraries.empty()) return nullptr;
  return std::make_unique<LibraryDriver>(config, *services.router);
}

// ---- life -----------------------------------------------------------------------------------------------------------

LibraryDriver::LibraryDriver(const LibrariesConfig& config, router::Router& router, HostRunner::Load load)
    : config_(config), router_(&router), load_(std::move(load)) {}

LibraryDriver::~LibraryDriver() {
  stop();
}

std::string LibraryDriver::open() {
  const std::string program = find_host_program(config_);
  if (config_.libraries.size() > kLibrariesMax) {
    return "there are " + std::to_string(config_.libraries.size()) + " driver libraries, and at most " +
           std::to_string(kLibrariesMax) + " are possible: run a second router";
  }
  bool processes = false;
  for (std::size_t i = 0; i < config_.libraries.size(); ++i) {
    const LibraryConfig& library = config_.libraries[i];
    processes = processes || library.isolation == Isolation::kProcess;
    const bool level1 = library.library.kind == LibraryKind::kLevel1;
    router::EventPortSettings settings;
    settings.name = router::driver_interface_name(library.name);
    settings.type = level1 ? kTypeLevel1Driver : kTypeLevel2Driver;
    settings.guid = library.library.guid;
    settings.send = library.send;
    settings.out_filter = library.out_filter;
    settings.queue = library.queue;
    router::Worker& worker = router_->worker(static_cast<router::ThreadIndex>(i % router_->worker_count()));
    ports_.push_back(std::make_unique<LibraryPort>(*router_, worker, settings, library.max_rate, bell_));
    if (!ports_.back()->open()) return "there is no channel left for driver " + library.name;
    // A library without a GUID of its own has its channel's.
    LibraryConfig whole = library;
    whole.library.guid = ports_.back()->guid();
    watches_.push_back(std::make_unique<HostWatch>(whole, static_cast<std::uint8_t>(i), *ports_.back(), program, bell_,
                                                   router_->clock(), load_));
  }
  return processes ? host_program_problem(program) : std::string();
}

std::string LibraryDriver::summary() const {
  return std::to_string(config_.libraries.size()) +
         (config_.libraries.size() == 1 ? " driver library" : " driver libraries");
}

std::vector<std::string> LibraryDriver::warnings() const {
  std::vector<std::string> out;
  for (const LibraryConfig& library : config_.libraries) {
    if (auto problem = library_file_problem(library.library.path); !problem.empty()) {
      out.push_back("driver " + library.name + ": " + problem);
    }
    if (library.isolation == Isolation::kNone) {
      out.push_back("driver " + library.name +
                    R"(: "isolation" is "none": a fault of this library ends the whole router)");
    }
  }
  return out;
}

void LibraryDriver::start() {
  thread_ = std::thread([this] {
    ::prctl(PR_SET_NAME, "vr-watch");
    watch();
  });
}

template <typename Function>
void LibraryDriver::post_to_each(Function function) {
  for (auto& port : ports_) {
    port->worker().post(router::make_task([port = port.get(), function] { function(*port); }));
  }
}

void LibraryDriver::drain() {
  post_to_each([](LibraryPort& port) { port.stop_taking(); });
}

void LibraryDriver::leave() {
  post_to_each([](LibraryPort& port) { port.leave(); });
  leaving_.store(true, std::memory_order_release);
  bell_.ring();
}

void LibraryDriver::stop() {
  quitting_.store(true, std::memory_order_release);
  bell_.ring();
  if (thread_.joinable()) thread_.join();
}

// The hosts are started by this thread: they die with it.
void LibraryDriver::watch() {
  const router::Clock& clock = router_->clock();
  std::vector<pollfd> descriptors;
  for (auto& watch : watches_) watch->begin();
  bool told = false;
  while (!quitting_.load(std::memory_order_acquire)) {
    if (!told && leaving_.load(std::memory_order_acquire)) {
      told = true;
      for (auto& watch : watches_) watch->begin_stop();
    }
    std::uint64_t next = clock.monotonic_ns() + kHourNs;
    descriptors.assign(1, {.fd = bell_.descriptor(), .events = POLLIN, .revents = 0});
    for (auto& watch : watches_) {
      next = std::min(next, watch->next_ns());
      watch->add_descriptors(descriptors);
    }
    const std::uint64_t now = clock.monotonic_ns();
    const int timeout_ms = next <= now ? 0 : static_cast<int>((next - now + kMsNs - 1) / kMsNs);
    if (::poll(descriptors.data(), descriptors.size(), timeout_ms) > 0 && descriptors[0].revents != 0) bell_.clear();
    for (auto& watch : watches_) watch->look();
  }
  watches_.clear();
}

// ---- report ---------------------------------------------------------------------------------------------------------

void LibraryDriver::report(router::JsonWriter& array) const {
  // Shared: a worker that answers too late must find it alive. Each place is written by one worker.
  const auto rows = std::make_shared<std::vector<PortRow>>(ports_.size());
  std::vector<LibraryPort*> ports;
  for (const auto& port : ports_) ports.push_back(port.get());
  const bool complete = router_->visit_workers_and_wait(
      [rows, ports](router::Worker& worker) {
        for (std::size_t i = 0; i < ports.size(); ++i) {
          if (&ports[i]->worker() == &worker) (*rows)[i] = {ports[i]->figures(), ports[i]->lost_with_host()};
        }
      },
      router::Router::kAnswerMs);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    write_row(array, config_.libraries[i], watches_[i]->status(), complete ? &(*rows)[i] : nullptr);
  }
}

}  // namespace drivers::library

namespace drivers {

extern const router::DriverKind kLibraryDriver{&library::LibraryDriverConfig::read};

}  // namespace drivers
