#include "tools/vscpbench/report/difference.h"

#include <algorithm>

#include "tools/vscpbench/tables.h"

namespace bench {
namespace {

/// Two figures differ if no repeat of one lies among the repeats of the other.
bool apart(const Figure& before, const Figure& after) {
  return before.low() > after.high() || after.low() > before.high();
}

Difference difference_of(const Result& work, const Figure& before, const Figure& after) {
  Difference difference;
  difference.work = label_of(work) + ", " + work.server;
  const auto* kind = find_figure_kind(after.name);
  difference.figure = kind != nullptr ? std::string(kind->title) : after.name;
  difference.unit = after.unit;
  difference.before = before.median();
  difference.after = after.median();
  difference.ratio = difference.after / difference.before;
  difference.spread_known = before.values.size() > 1 && after.values.size() > 1;
  if (!apart(before, after)) return difference;
  const bool higher = difference.after > difference.before;
  difference.verdict = higher == (after.better == Better::kHigher) ? Verdict::kBetter : Verdict::kWorse;
  return difference;
}

const Result* find_work(const std::vector<Result>& results, const Result& wanted) {
  const auto found =
      std::find_if(results.begin(), results.end(), [&](const Result& r) { return same_work(r, wanted); });
  return found == results.end() ? nullptr : &*found;
}

void note_parameters(const Result& before, const Result& after, std::vector<std::string>& notes) {
  for (const auto& [name, value] : after.parameters) {
    const auto old = before.parameter(name, value);
    if (old == value) continue;
    notes.push_back(label_of(after) + ": not asked the same, " + name + " was " + number_text(old) + " and is " +
                    number_text(value));
  }
}

void note_machines(const Machine& before, const Machine& after, std::vector<std::string>& notes) {
  const auto note = [&](const char* what, const std::string& old, const std::string& now) {
    if (old != now) notes.push_back(std::string("the ") + what + " was \"" + old + "\" and is \"" + now + "\"");
  };
  note("CPU", before.cpu, after.cpu);
  note("number of cores", std::to_string(before.cores), std::to_string(after.cores));
  note("kernel", before.kernel, after.kernel);
  for (const auto& [machine, when] : {std::pair(&before, "before"), std::pair(&after, "after")}) {
    if (const auto warning = busy_warning(*machine); !warning.empty())
      notes.push_back(std::string(when) + ": " + warning);
  }
}

}  // namespace

double Difference::worse_percent() const {
  return verdict == Verdict::kWorse ? std::max(ratio - 1, 1 - ratio) * 100 : 0;
}

Comparison compare(const ResultFile& before, const ResultFile& after) {
  Comparison comparison;
  note_machines(before.machine, after.machine, comparison.notes);
  for (const auto& now : after.results) {
    const auto* old = find_work(before.results, now);
    if (old == nullptr) {
      comparison.notes.push_back("only in the new file: " + label_of(now) + ", " + now.server);
      continue;
    }
    note_parameters(*old, now, comparison.notes);
    for (const auto& figure : now.figures) {
      const auto* old_figure = old->find(figure.name);
      if (old_figure == nullptr || figure.better == Better::kNeither || old_figure->median() <= 0) continue;
      comparison.differences.push_back(difference_of(now, *old_figure, figure));
    }
    if (now.faults.any() && !old->faults.any()) {
      comparison.new_faults = true;
      comparison.notes.push_back("FAULTS that were not there before: " + label_of(now) + ", " + now.server + ": " +
                                 faults_text(now.faults));
    }
  }
  for (const auto& old : before.results) {
    if (find_work(after.results, old) == nullptr) {
      comparison.notes.push_back("only in the old file: " + label_of(old) + ", " + old.server);
    }
  }
  return comparison;
}

int difference_status(const Comparison& comparison, double percent) {
  const bool worse = std::any_of(comparison.differences.begin(), comparison.differences.end(),
                                 [&](const Difference& d) { return d.worse_percent() > percent; });
  return worse || comparison.new_faults ? 1 : 0;
}

}  // namespace bench
