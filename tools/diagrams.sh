#!/bin/sh
# Makes the .svg files in docs/img from the .dot files.
#
#   tools/diagrams.sh           makes those that are stale (needs Graphviz)
#   tools/diagrams.sh --check   says which are stale; exit status 1
#
# A .dot with lines "// lit STEP STATE WHO" makes one picture for each step, in
# which these states are lit. An .svg ends with two checksums, of its source
# and of itself, so the check neither needs Graphviz nor minds its version.
cd "$(dirname "$0")/../docs/img" || exit 2
temporary=$(mktemp -d) || exit 2
trap 'rm -rf "$temporary"' EXIT

# The source of one picture: $1 the .dot, $2 the step or nothing.
source_of() {
  awk -v step="$2" '
    $2 == "lit" {
      if ($3 == step) {
        who = $0
        sub(/^\/\/ lit [^ ]* [^ ]* /, "", who)
        lit = lit "    \"" $4 "\" [fillcolor=\"#ffd43b\", color=\"#e67700\"," \
          " penwidth=2, label=\"" $4 "\\n" who "\"]\n"
        said = said (said == "" ? "" : "; ") $4 ": " who
      }
      next
    }
    /^}/ {
      printf "%s", lit
      if (said != "")
        print "// desc: Lit, as it is in step " step + 0 ": " said "."
    }
    { print }' "$1"
}

# The SVG, without what depends on the version, and with a title for readers.
draw() {
  dot -Tsvg "$1" | awk -v source="$1" '
    BEGIN {
      while ((getline line <source) > 0)
        if (sub(/^\/\/ title: /, "", line))
          title = line
        else if (sub(/^\/\/ desc: /, "", line))
          desc = desc (desc == "" ? "" : "\n") line
    }
    /^<\?xml|^<!DOCTYPE|^ "http|^<!--|^<title>|^ -->|^ \(/ { next }
    /^<svg/ { gsub(/pt"/, "px\""); in_tag = 1 }
    { print }
    in_tag && />$/ {
      in_tag = 0
      print "<title>" title "</title>\n<desc>" desc "</desc>"
    }'
}

marks() {
  echo "<!-- made by tools/diagrams.sh: $(cksum <"$1") $(cksum <"$2") -->"
}

stale=0
for source in *.dot; do
  for step in '' $(awk '$2 == "lit" { print $3 }' "$source" | sort -u); do
    svg=${source%.dot}${step:+-$step}.svg
    source_of "$source" "$step" >"$temporary/dot"
    if [ -f "$svg" ] && sed '$d' "$svg" >"$temporary/body" &&
      [ "$(tail -n 1 "$svg")" = "$(marks "$temporary/dot" "$temporary/body")" ]
    then
      continue
    fi
    if [ "$1" = --check ]; then
      echo "docs/img/$svg is stale" >&2
      stale=1
    else
      draw "$temporary/dot" >"$temporary/svg" && [ -s "$temporary/svg" ] ||
        exit 1
      cat "$temporary/svg" - >"$svg" <<MARKS
$(marks "$temporary/dot" "$temporary/svg")
MARKS
      echo "made docs/img/$svg"
    fi
  done
done
if [ $stale -eq 1 ]; then
  echo "to make the diagrams: tools/diagrams.sh" >&2
fi
exit $stale
