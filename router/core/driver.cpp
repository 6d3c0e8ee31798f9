#include "router/core/driver.h"

#include "router/base/json_writer.h"

namespace router {

void write_no_answer(JsonWriter& array, std::string_view driver, std::string_view name) {
  array.begin_object()
      .member("driver", driver)
      .member("name", name)
      .member("state", "no answer in time: its worker is busy, ask again")
      .end_object();
}

}  // namespace router
