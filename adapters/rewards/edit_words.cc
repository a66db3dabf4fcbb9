#include "adapters/rewards/edit_words.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <cstdint>
#include <string>
#include <unordered_set>

namespace pointsman {
namespace {

using WordSet = std::unordered_set<std::string_view>;

constexpr std::size_t kLongestWord = 40;  // Bytes; no listed word is longer.

std::string lower(std::string_view word) {
  std::string out;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(word.data());
  const auto length = static_cast<std::int32_t>(word.size());
  for (std::int32_t i = 0; i < length;) {
    UChar32 c = 0;
    U8_NEXT(bytes, i, length, c);
    if (c < 0) continue;
    if (c == 0x2019) c = '\'';
    char encoded[U8_MAX_LENGTH];
    std::int32_t size = 0;
    U8_APPEND_UNSAFE(encoded, size, u_tolower(c));
    out.append(encoded, static_cast<std::size_t>(size));
  }
  return out;
}

const WordSet& negations() {
  static const WordSet words{
      "not",    "no",      "never",   "none",    "nobody", "nothing", "nowhere", "neither",
      "nor",    "cannot",  "without", "dont",    "cant",   "wont",    "didnt",   "doesnt",
      "isnt",   "nicht",   "nichts",  "kein",    "keine",  "keinen",  "keinem",  "keiner",
      "keines", "nie",     "niemals", "niemand", "weder",  "ohne",    "pas",     "ne",
      "non",    "jamais",  "aucun",   "aucune",  "rien",   "sans",    "nunca",   "jamás",
      "ningún", "ninguna", "ninguno", "nada",    "nadie",  "tampoco", "sin",     "mai",
      "nessun", "nessuno", "nessuna", "senza",   "niet",   "geen",    "nooit",   "zonder",
      "não",    "nem",     "sem",     "нет",     "не",     "ни",      "никогда", "без",
      "nigdy",  "bez",     "لا",      "لم",      "لن",     "ليس",     "ليست",    "غير",
      "بدون",   "לא",      "אין",     "אל",      "בלי",    "不",      "没",      "沒",
      "無",     "无",      "未",      "勿",      "别",     "別",      "안",      "못"};
  return words;
}

bool is_negation(const std::string& word) {
  return negations().contains(word) || word.ends_with("n't") || word.starts_with("n'") ||
         word.find("않") != std::string::npos || word.find("없") != std::string::npos ||
         word.find("아니") != std::string::npos || word.find("못") != std::string::npos;
}

// ない, なく, なか(った), ませ(ん): one character a token, so the sense lies in two of them.
bool is_japanese_negation(std::string_view first, std::string_view second) {
  if (first == "な") return second == "い" || second == "く" || second == "か";
  return first == "せ" && second == "ん";
}

const WordSet& weekdays() {
  static const WordSet words{
      "monday",   "tuesday",  "wednesday", "thursday", "friday",   "saturday",   "sunday",
      "montag",   "dienstag", "mittwoch",  "freitag",  "samstag",  "donnerstag", "sonntag",
      "lundi",    "mardi",    "mercredi",  "jeudi",    "vendredi", "samedi",     "dimanche",
      "lunes",    "martes",   "miércoles", "jueves",   "viernes",  "sábado",     "domingo",
      "lunedì",   "martedì",  "mercoledì", "giovedì",  "venerdì",  "domenica",   "maandag",
      "dinsdag",  "woensdag", "donderdag", "vrijdag",  "zaterdag", "zondag",     "tomorrow",
      "yesterday"};
  return words;
}

// Months, currencies and units of money: critical beside a number, plain words elsewhere ("may").
const WordSet& number_companions() {
  static const WordSet words{
      "january",   "february",  "march",      "april",    "may",       "june",      "july",
      "august",    "september", "october",    "november", "december",  "jan",       "feb",
      "mar",       "apr",       "jun",        "jul",      "aug",       "sep",       "sept",
      "oct",       "nov",       "dec",        "januar",   "februar",   "märz",      "mai",
      "juni",      "juli",      "oktober",    "dezember", "janvier",   "février",   "mars",
      "avril",     "juin",      "juillet",    "août",     "septembre", "octobre",   "novembre",
      "décembre",  "enero",     "febrero",    "marzo",    "abril",     "mayo",      "junio",
      "julio",     "agosto",    "septiembre", "octubre",  "noviembre", "diciembre", "gennaio",
      "febbraio",  "aprile",    "maggio",     "giugno",   "luglio",    "settembre", "ottobre",
      "dicembre",  "januari",   "februari",   "maart",    "mei",       "augustus",  "janeiro",
      "fevereiro", "março",     "maio",       "junho",    "julho",     "setembro",  "outubro",
      "novembro",  "dezembro",  "eur",        "usd",      "gbp",       "chf",       "jpy",
      "cny",       "inr",       "aud",        "cad",      "sek",       "nok",       "dkk",
      "pln",       "czk",       "brl",        "mxn",      "euro",      "euros",     "dollar",
      "dollars",   "pound",     "pounds",     "cents",    "%",         "am",        "pm"};
  return words;
}

bool is_digit_byte(char c) { return c >= '0' && c <= '9'; }

bool holds_digit(const EditToken& token) {
  for (const char c : token.text) {
    if (is_digit_byte(c)) return true;
  }
  return false;
}

}  // namespace

void mark_amounts_and_dates(std::span<EditToken> tokens) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    EditToken& token = tokens[i];
    if (token.kind != TokenKind::plain || token.text.size() > kLongestWord) continue;
    const std::string word = lower(token.text);
    const bool beside_number = (i > 0 && holds_digit(tokens[i - 1])) ||
                               (i + 1 < tokens.size() && holds_digit(tokens[i + 1]));
    if (weekdays().contains(word) || (beside_number && number_companions().contains(word))) {
      token.kind = TokenKind::critical;
    }
  }
}

void mark_negations(std::span<EditToken> tokens) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    EditToken& token = tokens[i];
    if (token.kind != TokenKind::plain || token.text.size() > kLongestWord) continue;
    const bool japanese =
        i + 1 < tokens.size() && is_japanese_negation(token.text, tokens[i + 1].text);
    if (japanese || is_negation(lower(token.text))) token.kind = TokenKind::negation;
  }
}

}  // namespace pointsman
