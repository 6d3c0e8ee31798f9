#include "router/core/reply_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "router/base/random.h"

namespace {

using router::OutBlock;
using router::ReplyQueue;

constexpr std::size_t kBlocks = 8;

/// A queue beside a text that must always be the same.
class Model {
 public:
  ~Model() {
    queue_.clear(blocks_);
    EXPECT_EQ(blocks_.taken(), 0U);
  }
  void append(const std::string& text) {
    ASSERT_TRUE(queue_.append(blocks_, text));
    text_ += text;
  }
  void append_constant(const std::string& text) {
    kept_.push_back(std::make_unique<std::string>(text));
    ASSERT_TRUE(queue_.append_constant(blocks_, *kept_.back()));
    text_ += text;
  }
  void put_in_front(const std::string& text) {
    ASSERT_TRUE(queue_.put_in_front(blocks_, text));
    text_ = text + text_;
  }
  void consume(std::size_t bytes) {
    queue_.consume(blocks_, bytes);
    text_.erase(0, bytes);
  }
  void check(std::size_t ranges_max) {
    ASSERT_EQ(queue_.size(), text_.size());
    ASSERT_EQ(queue_.empty(), text_.empty());
    std::vector<iovec> ranges(ranges_max);
    std::size_t bytes = 0;
    const std::size_t count = queue_.gather(ranges, ~std::size_t{0}, bytes);
    std::string seen;
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_GT(ranges[i].iov_len, 0U);
      seen.append(static_cast<const char*>(ranges[i].iov_base), ranges[i].iov_len);
    }
    ASSERT_EQ(seen.size(), bytes);
    ASSERT_TRUE(text_.starts_with(seen));
    ASSERT_TRUE(count == ranges_max || seen == text_);
  }
  std::size_t size() const { return text_.size(); }
  std::size_t blocks() const { return blocks_.taken(); }

 private:
  router::Slab blocks_{sizeof(OutBlock), kBlocks};
  ReplyQueue queue_;
  std::string text_;
  std::vector<std::unique_ptr<std::string>> kept_;
};

TEST(ReplyQueue, AConstantNeedsNoBlock) {
  Model model;
  for (int i = 0; i < 3; ++i) {
    model.append_constant("+OK - Success.\r\n");
    EXPECT_EQ(model.blocks(), 0U);
    model.check(4);
    model.consume(model.size());
  }
  model.append_constant("first");
  model.append_constant("second is copied, for there is one place only");
  EXPECT_EQ(model.blocks(), 1U);
  model.check(4);
}

TEST(ReplyQueue, IsWhatWasPutIn) {
  router::SeededRandom random(7);
  Model model;
  char letter = 'a';
  for (int step = 0; step < 20'000; ++step) {
    letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1);
    const std::size_t kind = random.below(10);
    if (model.blocks() > kBlocks - 3) {
      model.consume(1 + random.below(model.size()));
    } else if (kind < 3) {
      model.append(std::string(1 + random.below(random.below(4) == 0 ? 5'000 : 50), letter));
    } else if (kind < 5) {
      model.append_constant(std::string(1 + random.below(random.below(4) == 0 ? 2'000 : 50), letter));
    } else if (kind < 6) {
      model.put_in_front(std::string(1 + random.below(ReplyQueue::kFrontMax), letter));
    } else if (model.size() > 0) {
      model.consume(random.below(2) == 0 ? model.size() : 1 + random.below(model.size()));
    }
    ASSERT_NO_FATAL_FAILURE(model.check(1 + random.below(6)));
  }
}

TEST(ReplyQueue, WithoutMemoryItSaysSo) {
  router::Slab blocks(sizeof(OutBlock), 1);
  ReplyQueue queue;
  EXPECT_TRUE(queue.append(blocks, std::string(OutBlock::kBytes, 'x')));
  EXPECT_FALSE(queue.append(blocks, "y"));
  EXPECT_FALSE(queue.put_in_front(blocks, "z"));
  EXPECT_FALSE(queue.append_constant(blocks, "not the first"));
  queue.clear(blocks);
  EXPECT_TRUE(queue.append_constant(blocks, "the first"));
  queue.clear(blocks);
}

}  // namespace
