#include "tools/vscpbench/report/canvas.h"

#include <cairo.h>

#include <array>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "router/base/sanitizer.h"

#if VR_ADDRESS_SANITIZER
// fontconfig, below cairo, keeps pointers as differences, which the leak finder does not recognise.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libfontconfig";
}
#endif

namespace bench {
namespace {

/// Always there with cairo's Debian package: its configuration depends on a sans-serif font.
constexpr const char* kFont = "sans-serif";
/// Length of a dash and of the gap behind it; 0 = none.
constexpr double length_of(Dash dash) {
  return dash == Dash::kShort ? 4 : dash == Dash::kLong ? 10 : 0;
}

constexpr std::size_t kRoles = static_cast<std::size_t>(Ink::kSeries) + kSeriesCount;
using Palette = std::array<std::uint32_t, kRoles>;
// Series: the palette of Okabe and Ito, which people with any colour vision can tell apart; lighter on dark paper.
constexpr Palette kLight{0xffffff, 0x1a1a1a, 0x5c5c5c, 0xdcdcdc, 0x0072b2, 0xe69f00,
                         0x009e73, 0xd55e00, 0xcc79a7, 0x56b4e9, 0x6b6b6b};
constexpr Palette kDark{0x16181c, 0xececec, 0xa8a8a8, 0x3a3d44, 0x56b4e9, 0xe69f00,
                        0x1fbf92, 0xf07a2e, 0xe09bc3, 0x3d8fd1, 0xb0b0b0};

cairo_status_t append(void* closure, const unsigned char* data, unsigned size) {
  static_cast<std::string*>(closure)->append(reinterpret_cast<const char*>(data), size);
  return CAIRO_STATUS_SUCCESS;
}

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value);
  std::string result = text.data();
  if (result.ends_with(".0")) result.resize(result.size() - 2);
  return result;
}

std::string attribute(const char* name, const std::string& value) {
  return " " + std::string(name) + "=\"" + value + "\"";
}

std::string role(char kind, Ink ink) {
  return attribute("class", kind + std::to_string(static_cast<unsigned>(ink)));
}

/// Corners of a mark that is no circle.
std::vector<Point> mark_corners(Point center, std::size_t shape, double radius) {
  const auto corner = [&](double x, double y) { return Point{center.x + x * radius, center.y + y * radius}; };
  if (shape % 4 == 1) return {corner(-0.9, -0.9), corner(0.9, -0.9), corner(0.9, 0.9), corner(-0.9, 0.9)};
  if (shape % 4 == 2) return {corner(0, -1.3), corner(1.3, 0), corner(0, 1.3), corner(-1.3, 0)};
  return {corner(0, -1.25), corner(1.2, 0.95), corner(-1.2, 0.95)};
}

std::string svg_points(std::span<const Point> points) {
  std::string text;
  for (const auto& point : points) text += (text.empty() ? "" : " ") + number(point.x) + "," + number(point.y);
  return attribute("points", text);
}

}  // namespace

/// Draws with cairo, unless an <svg> element is wanted; that one only measures with cairo.
struct Canvas::State {
  State(double width, double height, double scale)
      : surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(std::ceil(width * scale)),
                                           static_cast<int>(std::ceil(height * scale)))),
        context(cairo_create(surface)) {
    cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND);
    cairo_scale(context, scale, scale);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    cairo_destroy(context);
    cairo_surface_destroy(surface);
  }

  void set(Ink ink) {
    const auto rgb = kLight[static_cast<std::size_t>(ink)];
    const auto part = [&](unsigned shift) { return static_cast<double>(rgb >> shift & 255U) / 255; };
    cairo_set_source_rgb(context, part(16), part(8), part(0));
  }
  void set(const TextStyle& style) {
    cairo_select_font_face(context, kFont, CAIRO_FONT_SLANT_NORMAL,
                           style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(context, style.size);
  }
  void path(std::span<const Point> points) {
    cairo_new_path(context);
    for (const auto& point : points) cairo_line_to(context, point.x, point.y);
  }

  cairo_surface_t* surface;
  cairo_t* context;
  bool is_svg = false;
  std::string bytes;
};

Canvas::Canvas(std::unique_ptr<State> state) : state_(std::move(state)) {}
Canvas::Canvas(Canvas&&) noexcept = default;
Canvas::~Canvas() = default;

Canvas Canvas::png(double width, double height, double scale) {
  return Canvas(std::make_unique<State>(width, height, scale));
}

Canvas Canvas::svg(double width, double height, const std::string& css_class) {
  auto canvas = blank();
  canvas.state_->is_svg = true;
  canvas.state_->bytes = "<svg" + attribute("class", escape_html(css_class)) +
                         attribute("viewBox", "0 0 " + number(width) + " " + number(height)) +
                         attribute("role", "img") + ">\n";
  return canvas;
}

Canvas Canvas::blank() {
  return png(1, 1, 1);
}

void Canvas::rectangle(Point corner, double width, double height, Ink fill) {
  if (state_->is_svg) {
    state_->bytes += "<rect" + attribute("x", number(corner.x)) + attribute("y", number(corner.y)) +
                     attribute("width", number(width)) + attribute("height", number(height)) + role('f', fill) + "/>\n";
    return;
  }
  state_->set(fill);
  cairo_rectangle(state_->context, corner.x, corner.y, width, height);
  cairo_fill(state_->context);
}

void Canvas::line(Point from, Point to, Ink stroke, double width, Dash dash) {
  const std::array<Point, 2> points{from, to};
  polyline(points, stroke, width, dash);
}

void Canvas::polyline(std::span<const Point> points, Ink stroke, double width, Dash dash) {
  if (points.empty()) return;
  if (state_->is_svg) {
    state_->bytes += "<polyline" + svg_points(points) + role('s', stroke) + attribute("stroke-width", number(width)) +
                     (dash != Dash::kSolid ? attribute("stroke-dasharray", number(length_of(dash))) : "") + "/>\n";
    return;
  }
  auto* context = state_->context;
  state_->set(stroke);
  const double length = length_of(dash);
  cairo_set_dash(context, &length, dash == Dash::kSolid ? 0 : 1, 0);
  cairo_set_line_width(context, width);
  state_->path(points);
  cairo_stroke(context);
}

void Canvas::mark(Point center, std::size_t shape, Ink fill, double radius) {
  const bool circle = shape % 4 == 0;
  const auto corners = mark_corners(center, shape, radius);
  if (state_->is_svg) {
    state_->bytes += circle ? "<circle" + attribute("cx", number(center.x)) + attribute("cy", number(center.y)) +
                                  attribute("r", number(radius))
                            : "<polygon" + svg_points(corners);
    state_->bytes += role('f', fill) + "/>\n";
    return;
  }
  state_->set(fill);
  if (circle) {
    cairo_new_path(state_->context);
    cairo_arc(state_->context, center.x, center.y, radius, 0, 2 * std::numbers::pi);
  } else {
    state_->path(corners);
  }
  cairo_fill(state_->context);
}

void Canvas::text(Point at, const std::string& text, Ink ink, const TextStyle& style) {
  if (state_->is_svg) {
    const char* anchor = style.align == Align::kCenter ? "middle" : style.align == Align::kRight ? "end" : nullptr;
    state_->bytes += "<text" + attribute("x", number(at.x)) + attribute("y", number(at.y)) +
                     attribute("font-size", number(style.size)) + (style.bold ? attribute("font-weight", "bold") : "") +
                     (anchor != nullptr ? attribute("text-anchor", anchor) : "") + role('f', ink) + ">" +
                     escape_html(text) + "</text>\n";
    return;
  }
  auto x = at.x;
  if (style.align != Align::kLeft) x -= text_width(text, style) / (style.align == Align::kCenter ? 2 : 1);
  state_->set(style);
  state_->set(ink);
  cairo_move_to(state_->context, x, at.y);
  cairo_show_text(state_->context, text.c_str());
  cairo_new_path(state_->context);
}

double Canvas::text_width(const std::string& text, const TextStyle& style) {
  state_->set(style);
  cairo_text_extents_t extents;
  cairo_text_extents(state_->context, text.c_str(), &extents);
  return extents.x_advance;
}

std::string Canvas::finish() {
  if (state_->is_svg) return std::move(state_->bytes) + "</svg>\n";
  cairo_surface_flush(state_->surface);
  if (cairo_surface_write_to_png_stream(state_->surface, append, &state_->bytes) != CAIRO_STATUS_SUCCESS) return {};
  return std::move(state_->bytes);
}

std::string css() {
  const auto variables = [](const Palette& palette) {
    std::string text;
    for (std::size_t i = 0; i < palette.size(); ++i) {
      std::array<char, 24> rule{};
      std::snprintf(rule.data(), rule.size(), "--c%zu:#%06x;", i, palette[i]);
      text += rule.data();
    }
    return text;
  };
  auto text = ":root{" + variables(kLight) + "}\n@media (prefers-color-scheme:dark){:root{" + variables(kDark) + "}}\n";
  for (std::size_t i = 0; i < kRoles; ++i) {
    const auto index = std::to_string(i);
    text.append(".f").append(index).append("{fill:var(--c").append(index).append(")}");
    text.append(".s").append(index).append("{fill:none;stroke-linejoin:round;stroke:var(--c").append(index);
    text.append(")}\n");
  }
  return text;
}

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace bench
