# Makes the table of outcomes that the README's examples run on:
#
#   awk -v folder=examples/data/helpdesk -f examples/data/make_table.awk
#
# Everything in it is made up: the prompts, the three models `swift`, `forge` and `sage`, their
# qualities and their costs. It shows how a router is used and says nothing about any real model.
# The numbers come from a generator of its own, so every awk writes the same bytes, and a test
# compares them with the files that are committed.

# The next whole number from 0 to n - 1 (Park and Miller's generator; its products stay below 2^46).
function draw(n) {
  state = (state * 16807) % 2147483647
  return int(state / 2147483647 * n)
}

function one_of(list, words, n) {
  n = split(list, words, "|")
  return words[draw(n) + 1]
}

# Replaces each {name} of a template by one of the words that `words_of[name]` lists.
function filled(template, name) {
  while (match(template, /\{[a-z]+\}/)) {
    name = substr(template, RSTART + 1, RLENGTH - 2)
    template = substr(template, 1, RSTART - 1) value_of(name) substr(template, RSTART + RLENGTH)
  }
  return template
}

function value_of(name) {
  if (name == "n") return 2 + draw(97)
  return one_of(words_of[name])
}

# A quality in [0, 1] around `mean` hundredths: three draws added, so that most lie near it.
function quality(mean, value) {
  value = mean + (draw(9) + draw(9) + draw(9) - 12)
  if (value > 100) value = 100
  if (value < 0) value = 0
  return sprintf("%.2f", value / 100)
}

# Dollars of a call: a price for each prompt's length, times .75 to 1.25.
function cost(usd, prompt) {
  return sprintf("%.7f", usd * (0.5 + length(prompt) / 160) * (75 + draw(51)) / 100)
}

function row(task, prompt, swift, forge, sage, id) {
  id = sprintf("made-up-%03d", ++rows)
  printf "{\"id\": \"%s\", \"task\": \"%s\", \"domain\": \"made_up\", \"split\": \"train\", " \
         "\"prompt\": \"%s\"}\n", id, task, prompt > prompts
  printf "%s,%s,train,%s,%s,%s,%s,%s,%s\n", id, task, quality(swift), quality(forge),
         quality(sage), cost(0.0001, prompt), cost(0.0008, prompt), cost(0.005, prompt) > outcomes
}

BEGIN {
  state = 20261128
  prompts = folder "/prompts.jsonl"
  outcomes = folder "/outcomes.csv"

  words_of["name"] = "Anna|Bilal|Chen|Dora|Emeka|Farah|Goran|Hana"
  words_of["thing"] = "parcel|refund|invoice|password|order|ticket|voucher|delivery"
  words_of["mood"] = "kindly|briefly|warmly|without jargon|in two sentences"
  words_of["delay"] = "late|lost|damaged|incomplete|at the wrong address"
  words_of["language"] = "Python|Rust|Go|C++|SQL|TypeScript"
  words_of["structure"] = "queue|binary tree|hash map|linked list|ring buffer"
  words_of["fault"] = "IndexError: list index out of range|segmentation fault|deadlock detected|" \
                      "TypeError: undefined is not a function|syntax error near ;"
  words_of["topic"] = "the meeting of the warehouse team|a call about the new tariff|" \
                      "the thread on the broken scanner|the monthly returns report"
  words_of["unit"] = "litres|boxes|kilometres|shifts|coins"

  n = split("Write {mood} to {name} that the {thing} is {delay}.|" \
            "{name} asks where the {thing} is. Answer {mood}.|" \
            "Thank {name} {mood} for waiting {n} days for the {thing}.|" \
            "Tell {name} {mood} how to report that a {thing} is {delay}.", reply, "|")
  m = split("Write a {language} function that merges two {structure}s of {n} items.@" \
            "Why does this {language} code fail? `x = items[{n}]; return x.next();` says: {fault}@" \
            "Refactor this {language} loop: `for (i = 0; i < {n}; i++) { total += a[i]; }`@" \
            "Add unit tests to a {language} class `Store` that wraps a {structure}.", code, "@")
  k = split("{name} packs {n} {unit} an hour for {n} hours and loses {n}. How many are left? Show each step.|" \
            "Prove that the sum of {n} odd numbers is even exactly when {n} is even.|" \
            "A machine fails once in {n} runs. What is the probability of no failure in {n} runs?|" \
            "Solve for x: {n}x + {n} = {n}x - {n}. Explain why the solution is unique.", maths, "|")
  s = split("Summarise {topic} for {name} in {n} words.|" \
            "List the decisions in {topic}, one line each, for {name}.|" \
            "Shorten the notes on {topic} to three bullet points.", summary, "|")

  print "id,task,split,q:swift,q:forge,q:sage,c:swift,c:forge,c:sage" > outcomes
  for (i = 0; i < 300; ++i) {
    kind = draw(10)
    if (kind < 4) row("reply", filled(reply[draw(n) + 1]), 93, 80, 90)
    else if (kind < 7) row("code", filled(code[draw(m) + 1]), 40, 92, 70)
    else if (kind < 9) row("maths", filled(maths[draw(k) + 1]), 30, 50, 92)
    else row("summary", filled(summary[draw(s) + 1]), 88, 72, 91)
  }
}
