#include "drivers/socketcan/link_book.h"

#include <gtest/gtest.h>

#include <vector>

namespace drivers::socketcan {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kNever = ~std::uint64_t{0};

class Book : public testing::Test {
 protected:
  Book() {
    book_.add({.device = "can0", .filter = {}}, [this](LinkNews news) { news_[0].push_back(std::move(news)); });
    book_.add({.device = "can1", .filter = {}}, [this](LinkNews news) { news_[1].push_back(std::move(news)); });
  }
  static LinkInfo link(std::int32_t index, const std::string& name, bool up = true, bool is_can = true) {
    return {.index = index, .name = name, .is_can = is_can, .up = up, .running = up};
  }
  LinkNews last(std::size_t entry = 0) { return news_[entry].empty() ? LinkNews{} : news_[entry].back(); }

  std::vector<std::int32_t> opened_;
  std::string refusal_;
  LinkBook book_{[this](const SocketSettings&, const LinkInfo& link) -> std::expected<int, std::string> {
    if (!refusal_.empty()) return std::unexpected(refusal_);
    opened_.push_back(link.index);
    return 100 + link.index;
  }};
  std::vector<LinkNews> news_[2];
};

TEST_F(Book, WhatIsThereGetsASocketOnceAndTheOtherIsToldThatItIsNot) {
  book_.begin_list();
  book_.on_link(link(1, "lo", true, false), LinkChange::kIs, 0);
  book_.on_link(link(4, "can0"), LinkChange::kIs, 0);
  book_.end_list(0);
  EXPECT_EQ(last().socket, 104);
  EXPECT_TRUE(last().link.up);
  ASSERT_EQ(news_[1].size(), 1U);
  EXPECT_EQ(last(1).link.index, 0);
  EXPECT_EQ(last(1).socket, -1);
  book_.on_link(link(4, "can0", false), LinkChange::kIs, 1);
  EXPECT_FALSE(last().link.up);
  EXPECT_EQ(last().socket, -1);
  EXPECT_FALSE(last().give_back);
  EXPECT_EQ(opened_.size(), 1U);
  EXPECT_EQ(book_.next_ns(), kNever);
}

TEST_F(Book, AnInterfaceThatComesBackGetsANewSocket) {
  book_.on_link(link(4, "can0"), LinkChange::kIs, 0);
  book_.on_link(link(4, "can0"), LinkChange::kGone, 1);
  EXPECT_TRUE(last().give_back);
  EXPECT_EQ(last().link.index, 0);
  book_.on_link(link(9, "can0"), LinkChange::kIs, 2);  // before the port has let go
  EXPECT_EQ(last().socket, -1);
  EXPECT_FALSE(last().give_back) << "once";
  book_.on_given_back(0, 3);
  EXPECT_EQ(book_.next_ns(), 3U);
  book_.on_time(3);
  EXPECT_EQ(last().socket, 109);
}

TEST_F(Book, AnotherOneOfTheSameNameIsNotTakenForTheOld) {
  book_.on_link(link(4, "can0"), LinkChange::kIs, 0);
  book_.on_link(link(5, "can0"), LinkChange::kIs, 1);  // what happened between was not heard
  EXPECT_TRUE(last().give_back);
  book_.on_given_back(0, 2);
  book_.on_time(2);
  EXPECT_EQ(last().socket, 105);
}

TEST_F(Book, ANewNameIsTheEndOfTheOld) {
  book_.on_link(link(4, "can0"), LinkChange::kIs, 0);
  book_.on_link(link(4, "can1"), LinkChange::kIs, 1);
  EXPECT_TRUE(last().give_back);
  EXPECT_EQ(last(1).socket, 104);
}

TEST_F(Book, WhatIsMissingInAListIsGone) {
  book_.on_link(link(4, "can0"), LinkChange::kIs, 0);
  book_.begin_list();
  book_.on_link(link(5, "can1"), LinkChange::kIs, 0);
  book_.end_list(1);
  EXPECT_TRUE(last().give_back);
  EXPECT_EQ(last(1).socket, 105);
}

TEST_F(Book, WhatCannotBeOpenedIsTriedAgain) {
  refusal_ = "no";
  book_.on_link(link(4, "can0"), LinkChange::kIs, 10);
  EXPECT_EQ(last().problem, "no");
  EXPECT_EQ(book_.next_ns(), 10 + 2 * kSecond);
  book_.on_time(11);
  EXPECT_EQ(news_[0].size(), 1U);
  refusal_.clear();
  book_.on_time(10 + 2 * kSecond);
  EXPECT_EQ(last().socket, 104);
  EXPECT_EQ(last().problem, "");
  EXPECT_EQ(book_.next_ns(), kNever);
}

TEST_F(Book, ASocketThatAPortGivesUpComesAgainLater) {
  book_.on_link(link(4, "can0"), LinkChange::kIs, 0);
  book_.on_given_back(0, kSecond);
  EXPECT_EQ(book_.next_ns(), 3 * kSecond);
  book_.on_time(3 * kSecond);
  EXPECT_EQ(opened_.size(), 2U);
}

TEST_F(Book, OtherInterfacesAreNoCanInterfaces) {
  book_.on_link(link(2, "can0", true, false), LinkChange::kIs, 0);
  EXPECT_EQ(last().problem, "it is no CAN interface");
  EXPECT_TRUE(opened_.empty());
}

}  // namespace
}  // namespace drivers::socketcan
