// Two kinds of plots, bars and curves, drawn on any canvas in any width.
// Thread rule: plain values; drawing: one thread per canvas.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/vscpbench/report/canvas.h"
#include "tools/vscpbench/result.h"

namespace bench {

struct Bar {
  std::size_t series = 0;
  double value = 0;
  double low = 0;  ///< ends of the spread; equal = none is drawn
  double high = 0;
  std::string text;  ///< beside the bar
};

struct BarGroup {
  std::string label;
  std::vector<Bar> bars;
};

/// Horizontal bars in groups.
struct BarPlot {
  std::vector<std::string> series;  ///< a legend is drawn if there are several
  std::vector<BarGroup> groups;
  double reference = 0;  ///< a line there, such as 1 for ratios; 0 = none
  bool log = false;
};

enum class Scale : std::uint8_t {
  kLinear,  ///< from 0
  kLog,
  kNines,  ///< percent: 0, 90, 99, 99.9 are equally far apart
};

struct Line {
  std::string name;
  std::vector<Point> points;
  bool dashed = false;
  bool marks = false;
  std::size_t color = 0;
};

struct CurvePlot {
  std::string y_title;
  Scale x_scale = Scale::kLinear;
  Scale y_scale = Scale::kLinear;
  std::vector<Line> lines;
};

struct Plot {
  std::string name;   ///< of its file, "cpu-per-delivery"
  std::string title;  ///< what is shown, with the unit
  std::string note;   ///< how to read it
  std::string x_title;
  BarPlot bars;      ///< used if it has groups
  CurvePlot curves;  ///< used otherwise
};

/// The bytes of a PNG file so wide, with two pixels per unit; its height follows from what is in it.
std::string draw_png(const Plot& plot, double width);
/// The same as an <svg> element, see Canvas::svg(). A width below 500 gives the form for phones.
std::string draw_svg(const Plot& plot, double width, const std::string& css_class);

/// Round numbers that divide an axis from 0 to at least `highest`, about `count` of them.
std::vector<double> linear_ticks(double highest, int count);
/// 1, 2, 5 times powers of ten or only the powers, from at most `lowest` to at least `highest`.
std::vector<double> log_ticks(double lowest, double highest);
/// "0", "250", "1.5 k", "20 M", "0.05".
std::string tick_text(double value);

}  // namespace bench
