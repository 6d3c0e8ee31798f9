// The generated table of VSCP class and type tokens; read it through names.h. Made by generate.py.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace vscp::names_table {

struct TypeRow {
  std::uint16_t number;
  std::string_view token;  ///< "TEMPERATURE"
};

struct ClassRow {
  std::uint16_t number;
  std::string_view token;  ///< "CLASS1.MEASUREMENT"
  std::uint16_t first_type;
  std::uint16_t type_count;
};

/// Sorted by number.
std::span<const ClassRow> classes() noexcept;

/// The types of one row of classes(), sorted by number.
std::span<const TypeRow> types(const ClassRow& row) noexcept;

}  // namespace vscp::names_table
