#include "tools/vscpbench/report/plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bench {
namespace {

constexpr double kNarrowWidth = 500;
constexpr double kMargin = 16;
constexpr double kBarHeight = 15;
constexpr double kBarGap = 4;
constexpr double kGroupGap = 13;
constexpr double kPngScale = 2;
constexpr double kTickLength = 4;

/// Where a value lies on an axis, in pixels.
struct Axis {
  Scale scale = Scale::kLinear;
  double low = 0;
  double high = 1;
  double begin = 0;
  double end = 1;

  double transform(double value) const {
    if (scale == Scale::kLog) return std::log10(std::max(value, low));
    if (scale == Scale::kNines) return -std::log10(1 - std::min(value, 99.9999) / 100);
    return value;
  }
  double at(double value) const {
    const auto from = transform(low);
    const auto to = transform(high);
    return begin + (end - begin) * (to > from ? (transform(value) - from) / (to - from) : 0);
  }
};

class Painter {
 public:
  Painter(Canvas& canvas, double width) : canvas_(canvas), width_(width), narrow_(width < kNarrowWidth) {}

  /// Returns the height that it took; `height` is that of the paper.
  double paint(const Plot& plot, double height) {
    canvas_.rectangle({0, 0}, width_, height, Ink::kPaper);
    y_ = kMargin;
    paragraph(plot.title, Ink::kText, {narrow_ ? 14.5 : 17, true, Align::kLeft}, 1.25);
    y_ += 3;
    paragraph(plot.note, Ink::kMuted, {12.5, false, Align::kLeft}, 1.3);
    y_ += 8;
    if (!plot.bars.groups.empty()) {
      bars(plot);
    } else {
      curves(plot);
    }
    return y_ + kMargin;
  }

 private:
  TextStyle small(Align align = Align::kLeft) const { return {12, false, align}; }

  /// Text in as many lines as it needs.
  void paragraph(const std::string& text, Ink ink, const TextStyle& style, double leading) {
    std::string line;
    const auto flush = [&] {
      if (line.empty()) return;
      y_ += style.size * leading;
      canvas_.text({kMargin, y_ - style.size * 0.2}, line, ink, style);
      line.clear();
    };
    for (std::size_t begin = 0; begin < text.size();) {
      const auto end = std::min(text.find(' ', begin), text.size());
      const auto word = text.substr(begin, end - begin);
      const auto longer = line.empty() ? word : line + " " + word;
      if (canvas_.text_width(longer, style) > width_ - 2 * kMargin) flush();
      line = line.empty() ? word : line + " " + word;
      begin = end + 1;
    }
    flush();
  }

  /// Samples and names, in rows. `sample` draws one at the given place, 22 wide.
  template <typename Sample>
  void legend(const std::vector<std::string>& names, Sample sample) {
    constexpr double kSample = 22;
    constexpr double kRow = 19;
    double x = kMargin;
    y_ += kRow;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto needed = kSample + 6 + canvas_.text_width(names[i], small());
      if (x > kMargin && x + needed > width_ - kMargin) {
        x = kMargin;
        y_ += kRow;
      }
      sample(i, Point{x, y_ - 8});
      canvas_.text({x + kSample + 6, y_ - 4}, names[i], Ink::kText, small());
      x += needed + 18;
    }
    y_ += 4;
  }

  // Bars.

  void bars(const Plot& plot) {
    const auto& bars = plot.bars;
    if (bars.series.size() > 1) {
      legend(bars.series,
             [&](std::size_t i, Point at) { canvas_.rectangle({at.x + 8, at.y - 6}, 12, 12, series_ink(i)); });
    }
    y_ += 6;
    double label_width = 0;
    double text_width = 0;
    for (const auto& group : bars.groups) {
      label_width = std::max(label_width, canvas_.text_width(group.label, small()));
      for (const auto& bar : group.bars) text_width = std::max(text_width, canvas_.text_width(bar.text, small()));
    }
    const bool above = narrow_ || label_width > width_ * 0.4;
    Axis axis;
    axis.begin = above ? kMargin : kMargin + label_width + 12;
    axis.end = width_ - kMargin - text_width - 10;
    const auto ticks = bar_axis(bars, axis);
    const auto top = y_;
    const auto bottom = y_ + bars_height(bars, above);
    grid(axis, ticks, top, bottom);
    for (const auto& group : bars.groups) bar_group(bars, group, axis, above);
    y_ = bottom;
    if (bars.reference != 0) {
      const auto x = axis.at(bars.reference);
      canvas_.line({x, top}, {x, bottom}, Ink::kText, 1.5);
    }
    tick_labels(axis, ticks, bottom);
    x_title(plot.x_title, (axis.begin + axis.end) / 2);
  }

  std::vector<double> bar_axis(const BarPlot& bars, Axis& axis) const {
    double lowest = std::numeric_limits<double>::max();
    double highest = 0;
    for (const auto& group : bars.groups) {
      for (const auto& bar : group.bars) {
        lowest = std::min({lowest, bar.value > 0 ? bar.value : lowest, bar.low > 0 ? bar.low : lowest});
        highest = std::max({highest, bar.value, bar.high});
      }
    }
    if (bars.reference != 0) {
      lowest = std::min(lowest, bars.reference);
      highest = std::max(highest, bars.reference);
    }
    if (!bars.log) {
      auto ticks = linear_ticks(highest, std::max(2, static_cast<int>((axis.end - axis.begin) / 80)));
      axis.high = ticks.back();
      return ticks;
    }
    // Logarithmic bars have no natural end: a little room beyond the outermost.
    axis.scale = Scale::kLog;
    axis.low = lowest / 1.15;
    axis.high = highest * 1.15;
    auto ticks = log_ticks(axis.low, axis.high);
    std::erase_if(ticks, [&](double tick) { return tick < axis.low || tick > axis.high; });
    return ticks;
  }

  double bars_height(const BarPlot& bars, bool above) const {
    double height = 0;
    for (const auto& group : bars.groups) {
      height += static_cast<double>(group.bars.size()) * (kBarHeight + kBarGap) + kGroupGap + (above ? 17 : 0);
    }
    return height;
  }

  void bar_group(const BarPlot& bars, const BarGroup& group, const Axis& axis, bool above) {
    y_ += kGroupGap / 2;
    const auto height = static_cast<double>(group.bars.size()) * (kBarHeight + kBarGap) - kBarGap;
    if (above) {
      y_ += 17;
      canvas_.text({kMargin, y_ - 4}, group.label, Ink::kText, small());
    } else {
      canvas_.text({axis.begin - 12, y_ + height / 2 + 4.5}, group.label, Ink::kText, small(Align::kRight));
    }
    for (const auto& bar : group.bars) {
      const auto from = axis.at(bars.reference != 0 && bars.log ? bars.reference : axis.low);
      const auto to = axis.at(std::max(bar.value, axis.low));  // a growth below 0 is noise
      const auto middle = y_ + kBarHeight / 2;
      canvas_.rectangle({std::min(from, to), y_}, std::max(1.0, std::abs(to - from)), kBarHeight,
                        series_ink(bar.series));
      auto end = std::max(from, to);
      if (bar.high > bar.low) {
        const auto low = axis.at(std::max(bar.low, axis.low));
        const auto high = axis.at(std::max(bar.high, axis.low));
        canvas_.line({low, middle}, {high, middle}, Ink::kText, 1.5);
        for (const auto x : {low, high}) canvas_.line({x, middle - 4}, {x, middle + 4}, Ink::kText, 1.5);
        end = std::max(end, high);
      }
      canvas_.text({end + 6, middle + 4.5}, bar.text, Ink::kText, small());
      y_ += kBarHeight + kBarGap;
    }
    y_ += kGroupGap / 2;
  }

  // Axes.

  void grid(const Axis& axis, const std::vector<double>& ticks, double top, double bottom) {
    for (const auto tick : ticks) {
      canvas_.line({axis.at(tick), top}, {axis.at(tick), bottom + kTickLength}, Ink::kGrid);
    }
  }

  /// Leaves out a label that would touch its neighbour.
  void tick_labels(const Axis& axis, const std::vector<double>& ticks, double bottom) {
    y_ = bottom + 18;
    double free_from = 0;
    for (const auto tick : ticks) {
      const auto text = axis.scale == Scale::kNines ? percent_text(tick) : tick_text(tick);
      const auto half = canvas_.text_width(text, small()) / 2;
      const auto x = std::min(axis.at(tick), width_ - 4 - half);
      if (x - half < free_from) continue;
      canvas_.text({x, y_}, text, Ink::kMuted, small(Align::kCenter));
      free_from = x + half + 8;
    }
  }

  static std::string percent_text(double percent) {
    auto text = std::to_string(percent);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text + " %";
  }

  void x_title(const std::string& title, double center) {
    if (title.empty()) return;
    y_ += 19;
    const auto half = canvas_.text_width(title, small()) / 2;
    canvas_.text({std::clamp(center, kMargin + half, std::max(kMargin + half, width_ - kMargin - half)), y_}, title,
                 Ink::kMuted, small(Align::kCenter));
    y_ += 2;
  }

  // Curves.

  void curves(const Plot& plot) {
    const auto& curves = plot.curves;
    std::vector<std::string> names;
    for (const auto& line : curves.lines) names.push_back(line.name);
    if (names.size() > 1) {
      legend(names, [&](std::size_t i, Point at) {
        const auto& line = curves.lines[i];
        canvas_.line({at.x, at.y}, {at.x + 22, at.y}, ink_of(line), 2.5, dash_of(line));
        if (line.marks) canvas_.mark({at.x + 11, at.y}, line.color, ink_of(line));
      });
    }
    y_ += 16;
    canvas_.text({kMargin, y_}, curves.y_title, Ink::kMuted, small());
    y_ += 12;
    Axis x, y;
    const auto height = narrow_ ? 220.0 : 300.0;
    const auto [x_ticks, y_ticks] = axes(curves, height, x, y);
    y.begin = y_ + height;
    y.end = y_;
    double labels = 0;
    for (const auto tick : y_ticks) labels = std::max(labels, canvas_.text_width(tick_text(tick), small()));
    x.begin = kMargin + labels + 10;
    x.end = width_ - kMargin - 8;
    for (const auto tick : y_ticks) {
      canvas_.line({x.begin - kTickLength, y.at(tick)}, {x.end, y.at(tick)}, Ink::kGrid);
      canvas_.text({x.begin - 10, y.at(tick) + 4.5}, tick_text(tick), Ink::kMuted, small(Align::kRight));
    }
    grid(x, x_ticks, y.end, y.begin);
    for (const auto& line : curves.lines) curve(line, x, y);
    tick_labels(x, x_ticks, y.begin);
    x_title(plot.x_title, (x.begin + x.end) / 2);
  }

  static Ink ink_of(const Line& line) { return series_ink(line.color); }
  /// Where the colours begin again, long dashes tell the second line of a colour from the first.
  static Dash dash_of(const Line& line) {
    if (line.dashed) return Dash::kShort;
    return line.color < kSeriesCount ? Dash::kSolid : Dash::kLong;
  }

  void curve(const Line& line, const Axis& x, const Axis& y) {
    std::vector<Point> points;
    for (const auto& point : line.points) points.push_back({x.at(point.x), y.at(point.y)});
    canvas_.polyline(points, ink_of(line), 2.5, dash_of(line));
    if (!line.marks) return;
    for (const auto& point : points) canvas_.mark(point, line.color, ink_of(line), 4);
  }

  std::pair<std::vector<double>, std::vector<double>> axes(const CurvePlot& curves, double height, Axis& x,
                                                           Axis& y) const {
    double x_low = std::numeric_limits<double>::max(), x_high = 0;
    double y_low = std::numeric_limits<double>::max(), y_high = 0;
    for (const auto& line : curves.lines) {
      for (const auto& point : line.points) {
        x_low = std::min(x_low, point.x > 0 ? point.x : x_low);
        x_high = std::max(x_high, point.x);
        y_low = std::min(y_low, point.y > 0 ? point.y : y_low);
        y_high = std::max(y_high, point.y);
      }
    }
    const auto ticks_of = [](Axis& axis, Scale scale, double low, double high, int count) {
      axis.scale = scale;
      auto ticks = scale == Scale::kLog ? log_ticks(low, high) : linear_ticks(high, count);
      axis.low = ticks.front();
      axis.high = ticks.back();
      return ticks;
    };
    auto y_ticks = ticks_of(y, curves.y_scale, y_low, y_high, static_cast<int>(height / 50));
    if (curves.x_scale != Scale::kNines) {
      return {ticks_of(x, curves.x_scale, x_low, x_high, static_cast<int>(width_ / 90)), y_ticks};
    }
    x.scale = Scale::kNines;
    x.low = 0;
    x.high = x_high;
    std::vector<double> x_ticks;
    for (const auto tick : {0.0, 50.0, 90.0, 99.0, 99.9, 99.99}) {
      if (tick <= x_high) x_ticks.push_back(tick);
    }
    return {x_ticks, y_ticks};
  }

  Canvas& canvas_;
  double width_;
  bool narrow_;
  double y_ = 0;
};

double height_of(const Plot& plot, double width) {
  auto measure = Canvas::blank();
  return std::ceil(Painter(measure, width).paint(plot, 1));
}

}  // namespace

std::string draw_png(const Plot& plot, double width) {
  const auto height = height_of(plot, width);
  auto canvas = Canvas::png(width, height, kPngScale);
  Painter(canvas, width).paint(plot, height);
  return canvas.finish();
}

std::string draw_svg(const Plot& plot, double width, const std::string& css_class) {
  const auto height = height_of(plot, width);
  auto canvas = Canvas::svg(width, height, css_class);
  Painter(canvas, width).paint(plot, height);
  return canvas.finish();
}

std::vector<double> linear_ticks(double highest, int count) {
  if (!(highest > 0)) return {0, 1};
  const auto rough = highest / std::max(1, count);
  const auto power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const auto factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * power < rough * 0.999) continue;
    step = factor * power;
    break;
  }
  std::vector<double> ticks{0};
  for (int i = 1; ticks.back() < highest * 0.999; ++i) ticks.push_back(step * i);
  return ticks;
}

std::vector<double> log_ticks(double lowest, double highest) {
  if (!(lowest > 0) || !(highest >= lowest)) return {1, 10};
  const bool powers_only = highest / lowest > 500;
  std::vector<double> all;
  for (double power = std::pow(10, std::floor(std::log10(lowest * 1.001))); power <= highest * 10; power *= 10) {
    all.push_back(power);
    if (!powers_only) all.insert(all.end(), {2 * power, 5 * power});
  }
  std::size_t begin = 0;
  while (begin + 1 < all.size() && all[begin + 1] <= lowest * 1.001) ++begin;
  auto end = begin + 1;
  while (end < all.size() && all[end] < highest * 0.999) ++end;
  return {all.begin() + static_cast<std::ptrdiff_t>(begin),
          all.begin() + static_cast<std::ptrdiff_t>(std::min(end + 1, all.size()))};
}

std::string tick_text(double value) {
  const double size = std::abs(value);
  const char* unit = size >= 1e9 ? " G" : size >= 1e6 ? " M" : size >= 1e3 ? " k" : "";
  const double scale = size >= 1e9 ? 1e9 : size >= 1e6 ? 1e6 : size >= 1e3 ? 1e3 : 1;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g%s", value / scale, unit);
  return text.data();
}

}  // namespace bench
