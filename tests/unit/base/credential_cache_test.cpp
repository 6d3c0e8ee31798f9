#include "router/base/credential_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace router {
namespace {

TEST(CredentialCache, KnowsOnlyWhatItWasTold) {
  SeededRandom random(1);
  CredentialCache cache(10, random);
  EXPECT_FALSE(cache.contains("u", "h", "p"));
  cache.remember("u", "h", "p");
  EXPECT_TRUE(cache.contains("u", "h", "p"));
  EXPECT_FALSE(cache.contains("u", "h", "q"));
  EXPECT_FALSE(cache.contains("v", "h", "p"));
  EXPECT_FALSE(cache.contains("u", "h2", "p"));  // the password was changed
}

TEST(CredentialCache, PartsCannotBeShiftedIntoOneAnother) {
  SeededRandom random(1);
  CredentialCache cache(10, random);
  cache.remember("ab", "c", "d");
  EXPECT_FALSE(cache.contains("a", "bc", "d"));
  EXPECT_FALSE(cache.contains("ab", "", "cd"));
  cache.remember(std::string("a\0b", 3), "c", "d");
  EXPECT_FALSE(cache.contains("a", std::string("b\0c", 3), "d"));
}

TEST(CredentialCache, HoldsAtMostItsBoundAndDropsTheOldest) {
  SeededRandom random(1);
  CredentialCache cache(3, random);
  for (int i = 0; i < 5; ++i) {
    cache.remember(std::to_string(i), "h", "p");
    cache.remember(std::to_string(i), "h", "p");  // again: no second entry
    EXPECT_LE(cache.size(), 3U);
  }
  EXPECT_FALSE(cache.contains("0", "h", "p"));
  EXPECT_FALSE(cache.contains("1", "h", "p"));
  EXPECT_TRUE(cache.contains("2", "h", "p"));
  EXPECT_TRUE(cache.contains("3", "h", "p"));
  EXPECT_TRUE(cache.contains("4", "h", "p"));
  for (int i = 5; i < 1000; ++i) cache.remember(std::to_string(i), "h", "p");
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_TRUE(cache.contains("999", "h", "p"));
}

TEST(CredentialCache, ClearForgetsEverything) {
  SeededRandom random(1);
  CredentialCache cache(3, random);
  for (int i = 0; i < 4; ++i) cache.remember(std::to_string(i), "h", "p");
  cache.clear();
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_FALSE(cache.contains("3", "h", "p"));
  cache.remember("3", "h", "p");
  EXPECT_TRUE(cache.contains("3", "h", "p"));
}

TEST(CredentialCache, ABoundOfZeroIsOne) {
  SystemRandom random;
  CredentialCache cache(0, random);
  cache.remember("u", "h", "p");
  EXPECT_TRUE(cache.contains("u", "h", "p"));
}

}  // namespace
}  // namespace router
