// What a measurement yields, the same for every scenario and every server: figures with one value per repeat, curves,
// faults and remarks. Tables, the result file, the HTML report and the comparison of two files are all made from this.
//
// Thread rule: plain values, one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

/// Which direction is good. `kNeither` figures are shown and never judged.
enum class Better : std::uint8_t { kNeither, kHigher, kLower };

/// What a figure of this name means. Files of other versions may hold names that are not known here.
struct FigureKind {
  std::string_view name;   ///< in the file, unit last: "server_us_per_delivery"
  std::string_view title;  ///< for people: "server CPU per delivery"
  std::string_view unit;   ///< "us", "1/s", "B", "%"; empty = a plain number
  Better better = Better::kNeither;
};

/// All known kinds, in the order in which tables show them.
const std::vector<FigureKind>& figure_kinds();
/// Null if the name is not known.
const FigureKind* find_figure_kind(std::string_view name);

/// One figure over repeats.
struct Figure {
  std::string name;
  std::string unit;
  Better better = Better::kNeither;
  std::vector<double> values;  ///< one per repeat

  double median() const;
  double low() const;
  double high() const;
  /// Distance of the extremes in percent of the median.
  double spread_percent() const;
};

struct Point {
  double x = 0;
  double y = 0;
};

/// A curve whose points belong together, such as latency over percentiles. All repeats together.
struct Curve {
  std::string name;  ///< "latency": x = share of events in percent, y = microseconds
  std::string x_unit;
  std::string y_unit;
  std::vector<Point> points;
};

/// Sums over all repeats, warm-up included.
struct Faults {
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t corrupted = 0;
  std::uint64_t refused = 0;  ///< events or sessions that the server refused
  std::uint64_t closed = 0;   ///< connections that the server closed
  std::uint64_t failed = 0;   ///< sessions that could not be made
  bool stalled = false;
  bool interrupted = false;

  bool any() const {
    return lost + duplicated + reordered + corrupted + refused + closed + failed != 0 || stalled || interrupted;
  }
  /// True if something is wrong that --allow-loss does not forgive.
  bool beyond_loss() const { return duplicated + reordered + corrupted + closed + failed != 0; }
};

/// One scenario in one variant against one server, with all its repeats.
struct Result {
  std::string scenario;  ///< "1:16", "idle-crowd"
  std::string variant;   ///< what else tells it from its neighbours: "10000 sessions"; may be empty
  std::string server;    ///< program: "vscprouterd", "nats-server", "relay"
  std::string wire;      ///< "text", "binary", "nats", "mqtt-qos0"
  std::size_t payload_bytes = 0;
  std::vector<std::pair<std::string, double>> parameters;  ///< what was asked for, in a fixed order
  std::vector<Figure> figures;
  std::vector<Curve> curves;
  Faults faults;
  std::vector<std::string> remarks;  ///< sentences, each once

  /// Adds the value of one more repeat.
  void add(std::string_view figure, double value);
  void remark(std::string text);
  /// Null if there is none of that name.
  const Figure* find(std::string_view figure) const;
  const Curve* find_curve(std::string_view curve) const;
  /// The median, or `otherwise`.
  double median(std::string_view figure, double otherwise = 0) const;
  double parameter(std::string_view name, double otherwise = 0) const;
};

/// True if the two stand for the same work: scenario, variant, payload, wire and server are the same.
bool same_work(const Result& a, const Result& b);
/// "1:16 text 8 bytes" or "filter-crowd 100 filters by class, text 8 bytes".
std::string label_of(const Result& result);

/// Every remark once, as "what it is about: remark"; if that is more than two results, the others are counted.
/// `with_server`: the results are of several servers.
std::vector<std::string> remark_lines(const std::vector<Result>& results, bool with_server);

/// 0 if nothing is wrong; 1 if something was lost, changed, refused, closed or not made. `allow_loss` forgives losses,
/// refusals and stalls, nothing else.
int exit_status(const std::vector<Result>& results, bool allow_loss);

/// Percentiles of a sorted curve's usual x values, for every latency curve: 0 to 99.99 percent.
const std::vector<double>& curve_percents();

}  // namespace bench
