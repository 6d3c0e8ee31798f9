// Draws lines, rectangles and text, and gives the picture as PNG or SVG. Colours are roles: a PNG has those of the
// light theme, an SVG names them by class, so that the page that holds it decides (see css() below).
// The only file that uses cairo is canvas.cpp.
//
// Units: pixels, origin at the upper left. Text sits with its baseline at y. Its width is measured with the machine's
// sans-serif font, which a browser may replace by another; leave some room.
// Thread rule: one object, one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tools/vscpbench/result.h"

namespace bench {

/// kSeries + 0 .. kSeries + kSeriesCount - 1 are the colours of curves and bars.
enum class Ink : std::uint8_t { kPaper, kText, kMuted, kGrid, kSeries };
inline constexpr std::size_t kSeriesCount = 7;
/// In turn, if there are more than colours.
constexpr Ink series_ink(std::size_t index) {
  return static_cast<Ink>(static_cast<std::size_t>(Ink::kSeries) + index % kSeriesCount);
}

enum class Align : std::uint8_t { kLeft, kCenter, kRight };
enum class Dash : std::uint8_t { kSolid, kShort, kLong };

struct TextStyle {
  double size = 13;
  bool bold = false;
  Align align = Align::kLeft;
};

class Canvas {
 public:
  /// `scale`: pixels of the picture per unit.
  static Canvas png(double width, double height, double scale);
  /// An <svg> element with that class attribute, to stand in an HTML page with css().
  static Canvas svg(double width, double height, const std::string& css_class);
  /// Draws nothing: to measure text.
  static Canvas blank();
  Canvas(Canvas&&) noexcept;
  Canvas& operator=(Canvas&&) = delete;
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;
  ~Canvas();

  void rectangle(Point corner, double width, double height, Ink fill);
  void line(Point from, Point to, Ink stroke, double width = 1, Dash dash = Dash::kSolid);
  void polyline(std::span<const Point> points, Ink stroke, double width = 2, Dash dash = Dash::kSolid);
  /// A mark of a curve: circle, square, diamond, triangle, in turn by `shape`.
  void mark(Point center, std::size_t shape, Ink fill, double radius = 3.5);
  void text(Point at, const std::string& text, Ink ink, const TextStyle& style = {});
  double text_width(const std::string& text, const TextStyle& style = {});

  /// The bytes of the PNG file or the <svg> element; empty if there was no memory. Nothing may be drawn afterwards.
  std::string finish();

 private:
  struct State;
  explicit Canvas(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The rules that give the roles their colours, on light and on dark screens.
std::string css();

/// For text in HTML and SVG.
std::string escape_html(std::string_view text);

}  // namespace bench
