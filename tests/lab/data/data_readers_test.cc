#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "engine/policies/keyed_random.h"
#include "lab/data/classification_csv.h"
#include "lab/data/csv_reader.h"
#include "lab/data/outcome_table.h"
#include "tests/paths.h"

namespace pointsman::lab {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

OutcomeTableText good_table() {
  return {"t", "p.jsonl",
          "{\"id\":\"a\",\"task\":\"x\",\"domain\":\"d\",\"split\":\"s\",\"prompt\":\"one\"}\n"
          "{\"id\":\"a\",\"task\":\"y\",\"prompt\":\"two\xE2\x80\xA8three\"}\n",
          "o.csv", "id,task,split,q:m/1,q:m2,c:m/1,c:m2\na,x,dev,1,0.5,0,0.25\na,y,dev,,0,,1e-5\n"};
}

std::string table_fault(const OutcomeTableText& text) {
  const auto data = parse_outcome_table(text);
  return data.ok() ? "" : data.error().message;
}

std::string csv_fault(const std::string& text) {
  const auto data = parse_classification_csv({"t", "t.csv", text});
  return data.ok() ? "" : data.error().message;
}

TEST(OutcomeTable, ReadsArmsQualitiesCostsAndPromptsByLine) {
  const auto data = parse_outcome_table(good_table());
  ASSERT_TRUE(data.ok()) << data.error().message;
  EXPECT_THAT(data->arms, ElementsAre("m/1", "m2"));
  ASSERT_EQ(data->rows.size(), 2U);
  EXPECT_EQ(data->rows[0].line, 1U);
  EXPECT_EQ(data->rows[0].domain, "d");
  EXPECT_EQ(data->rows[1].split, "dev");
  EXPECT_EQ(data->rows[1].prompt, "two\xE2\x80\xA8three") << "U+2028 ends no line";
  EXPECT_EQ(data->quality_of(0)[1], 0.5);
  EXPECT_EQ(data->cost_of(0)[0], 0.0) << "0 is a cost";
  EXPECT_TRUE(std::isnan(data->quality_of(1)[0])) << "empty is unknown";
  EXPECT_TRUE(std::isnan(data->cost_of(1)[0]));
}

TEST(OutcomeTable, NamesFileLineAndColumnOfABadCell) {
  OutcomeTableText text = good_table();
  text.outcomes = "id,q:m,c:m\na,0.5,1\na,1.5,1\n";
  EXPECT_THAT(table_fault(text), AllOf(HasSubstr("o.csv:3"), HasSubstr("\"q:m\"")));
  text.outcomes = "id,q:m,c:m\na,0.5,-1\na,1,1\n";
  EXPECT_THAT(table_fault(text), AllOf(HasSubstr("o.csv:2"), HasSubstr("\"c:m\"")));
  text.outcomes = "id,q:m,c:m\na,nan,1\na,1,1\n";
  EXPECT_THAT(table_fault(text), AllOf(HasSubstr("o.csv:2"), HasSubstr("not a finite number")));
}

TEST(OutcomeTable, RefusesHeadersThatCannotBeMeant) {
  OutcomeTableText text = good_table();
  for (const char* header :
       {"", "q:m", "id,task", "id,q:m,q:m", "id,q:m,c:n", "id,q:", "id,\"q:m"}) {
    text.outcomes = std::string(header) + "\n";
    EXPECT_THAT(table_fault(text), HasSubstr("o.csv:1")) << header;
  }
}

TEST(OutcomeTable, RefusesPromptsThatDoNotFitTheOutcomes) {
  OutcomeTableText text = good_table();
  text.prompts = "{\"id\":\"a\",\"prompt\":\"one\"}\n";
  EXPECT_THAT(table_fault(text), HasSubstr("1 prompts for 2 rows"));
  text.prompts += "{\"id\":\"b\",\"prompt\":\"two\"}\n";
  EXPECT_THAT(table_fault(text), AllOf(HasSubstr("p.jsonl:2"), HasSubstr("\"id\"")));
  text.prompts = "{\"id\":\"a\",\"prompt\":\"one\"}\n{\"id\":\"a\",\"prompt\":2}\n";
  EXPECT_THAT(table_fault(text), AllOf(HasSubstr("p.jsonl:2"), HasSubstr("\"prompt\"")));
  text.prompts = "{\"id\":\"a\",\"prompt\":\"one\"}\nnot json\n";
  EXPECT_THAT(table_fault(text), HasSubstr("p.jsonl:2"));
  text.prompts = good_table().prompts + good_table().prompts;
  EXPECT_THAT(table_fault(text), HasSubstr("more prompts than rows"));
}

TEST(ClassificationCsv, ReadsQuotedHeadersThatDifferByCaseOnly) {
  const auto data = parse_classification_csv(
      {"t", "t.csv", "\"Skew.Maxis\",\"Skew.maxis\",\"label\"\r\n1,2,b\r\n3,,\"a,\"\"\"\r\n"});
  ASSERT_TRUE(data.ok()) << data.error().message;
  EXPECT_EQ(data->field_count, 2U);
  EXPECT_THAT(data->arms, ElementsAre("a,\"", "b"));
  EXPECT_EQ(data->fields_of(0)[1], 2.0F);
  EXPECT_TRUE(std::isnan(data->fields_of(1)[1]));
  EXPECT_THAT(data->quality_of(0), ElementsAre(0.0, 1.0));
  EXPECT_THAT(data->quality_of(1), ElementsAre(1.0, 0.0));
}

TEST(ClassificationCsv, OrdersWholeNumberLabelsAsNumbers) {
  const auto data = parse_classification_csv({"t", "t.csv", "f,label\n0,10\n0,9\n0,0\n"});
  ASSERT_TRUE(data.ok());
  EXPECT_THAT(data->arms, ElementsAre("0", "9", "10"));
}

TEST(ClassificationCsv, NamesFileLineAndColumnOfAFault) {
  EXPECT_THAT(csv_fault(""), HasSubstr("t.csv:1"));
  EXPECT_THAT(csv_fault("a,b\n1,2\n"), HasSubstr("\"b\""));
  EXPECT_THAT(csv_fault("label\nx\n"), HasSubstr("no feature"));
  EXPECT_THAT(csv_fault("a,label\n"), HasSubstr("no row"));
  EXPECT_THAT(csv_fault("a,label\n1,x\n\nnope,x\n"), HasSubstr("t.csv:3"));
  EXPECT_THAT(csv_fault("a,label\n1,x\nnope,x\n"), AllOf(HasSubstr("t.csv:3"), HasSubstr("\"a\"")));
  EXPECT_THAT(csv_fault("a,label\n1,x\n1e39,x\n"), HasSubstr("t.csv:3"));
  EXPECT_THAT(csv_fault("a,label\n1,\n"), AllOf(HasSubstr("t.csv:2"), HasSubstr("\"label\"")));
  EXPECT_THAT(csv_fault("a,label\n1,\"x\n2,y\n"), HasSubstr("never closed"));
  EXPECT_THAT(csv_fault("a,label\n1,\"x\"y\n"), HasSubstr("closing quote"));
}

TEST(ClassificationCsv, CountsTheLinesInsideAQuotedCell) {
  EXPECT_THAT(csv_fault("a,label\n1,\"x\ny\"\nnope,z\n"), HasSubstr("t.csv:4"));
}

/// Any bytes are either read or refused with the file's name, and what is read has its shape.
TEST(DataReaders, TakeAnyDamageWithoutLosingTheirShape) {
  const OutcomeTableText table = good_table();
  const std::string csv = "\"a\",\"A\",label\n1,2,x\n3,4,\"y\"\n,6,x\n";
  const std::string alphabet = "\",\n\r{}:x0.-\\\xE2\x80\xA8";
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    KeyedRandom random(seed, "damage");
    const auto damaged = [&](std::string text) {
      const std::size_t edits = 1 + random.next_u64() % 3;
      for (std::size_t i = 0; i < edits; ++i) {
        const std::size_t at = random.next_u64() % text.size();
        const char c = alphabet[random.next_u64() % alphabet.size()];
        if (random.next_unit() < 0.5) {
          text[at] = c;
        } else {
          text.insert(at, 1, c);
        }
      }
      return text;
    };
    OutcomeTableText broken = table;
    (seed % 2 == 0 ? broken.prompts : broken.outcomes) =
        damaged(seed % 2 == 0 ? broken.prompts : broken.outcomes);
    if (const auto data = parse_outcome_table(broken)) {
      EXPECT_EQ(data->quality.size(), data->rows.size() * data->arms.size());
      EXPECT_EQ(data->cost.size(), data->quality.size());
    } else {
      EXPECT_THAT(data.error().message, testing::AnyOf(HasSubstr("p.jsonl"), HasSubstr("o.csv")));
    }
    if (const auto data = parse_classification_csv({"t", "t.csv", damaged(csv)})) {
      EXPECT_EQ(data->fields.size(), data->rows.size() * data->field_count);
      EXPECT_EQ(data->quality.size(), data->rows.size() * data->arms.size());
    } else {
      EXPECT_THAT(data.error().message, HasSubstr("t.csv"));
    }
  }
}

TEST(DataReaders, SayThatAFileIsNotThere) {
  const auto data = read_data_set("no/such/place");
  ASSERT_FALSE(data.ok());
  EXPECT_THAT(data.error().message, HasSubstr("no/such/place"));
}

TEST(DataReaders, ReadEverySharedDataSet) {
  const std::filesystem::path shared = std::filesystem::path(paths::shared_dir()) / "data";
  if (!std::filesystem::exists(shared)) {
    ASSERT_NE(std::string(std::getenv("CI") ? std::getenv("CI") : ""), "true") << "CI has the data";
    GTEST_SKIP() << "the shared data are not beside this checkout";
  }
  const auto table = read_data_set((shared / "routing" / "pareto_dev").string() + "/");
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ(table->name, "pareto_dev");
  EXPECT_EQ(table->rows.size(), 4410U);
  EXPECT_EQ(table->arms.size(), 4U);
  const auto vehicle = read_data_set((shared / "classification" / "vehicle.csv").string());
  ASSERT_TRUE(vehicle.ok()) << vehicle.error().message;
  EXPECT_EQ(vehicle->rows.size(), 846U);
  EXPECT_EQ(vehicle->field_count, 18U);
}

}  // namespace
}  // namespace pointsman::lab
