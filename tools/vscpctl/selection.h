// Which events a person wants to see, from friendly options to the server's filter and mask.
//
// The server takes one filter and one mask. Where several classes or types are wanted it gets the bits that they share,
// and the rest is decided here. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/event.h"
#include "protocol/filter.h"
#include "tools/client/client_error.h"

namespace tools::ctl {

struct SelectionOptions {
  std::string filter = {};                ///< "priority,class,type,GUID", as the link command takes it
  std::string mask = {};                  ///< the same
  std::vector<std::string> classes = {};  ///< numbers or names
  std::vector<std::string> types = {};    ///< numbers, or names if there is exactly one class
  std::string guid_prefix = {};           ///< "FF:FF:01", 1 to 16 bytes
  int priority = -1;                      ///< 0..7, or -1 for all
};

class Selection {
 public:
  /// Errors: kUsage, with what to write instead.
  static ClientResult<Selection> make(const SelectionOptions& options);

  /// For SFLT and SMSK; lets everything pass if nothing was asked for.
  const vscp::Filter& server_filter() const noexcept { return filter_; }
  /// What the server's filter lets through may still be unwanted.
  bool wants(const vscp::Event& event) const noexcept;

 private:
  vscp::Filter filter_;
  std::vector<std::uint16_t> classes_;  ///< empty: all
  std::vector<std::uint16_t> types_;
};

/// "FF:FF:01" to bytes, 1 to 16 of one or two hex digits each. Errors: kUsage.
ClientResult<std::vector<std::uint8_t>> parse_guid_prefix(std::string_view text);

/// A class by number or name. Errors: kUsage with the nearest name.
ClientResult<std::uint16_t> parse_class(std::string_view text);

/// A type of that class by number or name. Errors: kUsage with the nearest name.
ClientResult<std::uint16_t> parse_type(std::uint16_t vscp_class, std::string_view text);

}  // namespace tools::ctl
