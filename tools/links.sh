#!/bin/sh
# Checks links, anchors and images. Links to other hosts are not followed.
#
#   tools/links.sh github   as GitHub renders the Markdown, with its cmark-gfm;
#                           also the sections that checks/diagnoses.def names
#   tools/links.sh site     in the site that `make docs` has built
#
# Exit status: 0 all hold, 1 some do not.
cd "$(dirname "$0")/.." || exit 2
facts=$(mktemp) || exit 2
trap 'rm -f "$facts"' EXIT
failed=0

# Reads HTML. Prints "link FILE TARGET" and "anchor FILE NAME"; with github=1
# the anchors are those that GitHub gives the headings.
links_of() {
  LC_ALL=C awk -v file="$1" -v github="$2" '
    function value(text) {
      sub(/^[^"]*"/, "", text)
      sub(/"$/, "", text)
      gsub(/&amp;/, "\\&", text)
      return text
    }
    github && /<h[1-6]>/ {
      slug = $0
      gsub(/<[^>]*>|&[a-z]*;/, "", slug)
      slug = tolower(slug)
      gsub(/[^a-z0-9 _-]/, "", slug)
      gsub(/ /, "-", slug)
      print "anchor", file, slug (n[slug]++ ? "-" (n[slug] - 1) : "")
    }
    {
      while (match($0, / (href|src|data|id|name)="[^"]*"/)) {
        item = substr($0, RSTART + 1, RLENGTH - 1)
        $0 = substr($0, RSTART + RLENGTH)
        print (item ~ /^(id|name)/ ? "anchor" : "link"), file, value(item)
      }
    }'
}

# Reads these, and "file PATH" lines; says what does not hold.
judge() {
  awk '
    $1 == "file" { exists[$2] = 1; next }
    $1 == "anchor" { anchor[$2 "#" $3] = 1; next }
    $3 == "" || $3 ~ /^[a-z]+:/ { next }
    { from[++links] = $2; to[links] = $3 }
    END {
      for (i = 1; i <= links; i++) {
        target = to[i]
        name = ""
        if (match(target, /#/)) {
          name = substr(target, RSTART + 1)
          target = substr(target, 1, RSTART - 1)
        }
        if (target == "") {
          target = from[i]
        } else {
          directory = from[i]
          sub(/[^\/]*$/, "", directory)
          target = directory target
          while (sub(/[^\/]+\/\.\.\//, "", target))
            ;
          sub(/\/$/, "", target)
        }
        why = ""
        if (!(target in exists))
          why = "no such file"
        else if (name != "" && !((target "#" name) in anchor))
          why = "no such anchor"
        if (why != "" && !(from[i] " " to[i] in said)) {
          print from[i] ": " to[i] ": " why
          said[from[i] " " to[i]] = bad = 1
        }
      }
      exit bad
    }'
}

# What a diagnosis tells to read is a link as well, from the top directory; it
# has to name a section.
links_of_diagnoses() {
  reads=$("${CC:-gcc}" -E -P -x c checks/diagnoses.def \
    -D'DIAGNOSIS(name, read, cause, remedy)=name read') || failed=1
  printf '%s\n' "$reads" | sed -E -e 's/"([^"#]*)"$/"\1#which-section"/' \
    -e 's/^"([^"]*)" "([^"]*)"$/link diagnoses.def:\1 \2/'
}

as_on_github() {
  # Nothing of Doxygen's own dialect may show there.
  commands='[\\@](ref|page|subpage|htmlonly|snippet|include|tableofcontents)\b'
  if find . \( -name .git -o -name build -o -name node_modules \) -prune -o \
    -name '*.md' -exec grep -nE "(^|[^\`a-z.])$commands|\{#" {} +; then
    echo "these are commands for Doxygen, which GitHub would show"
    failed=1
  fi
  if ! command -v cmark-gfm >/dev/null; then
    echo "skipped: links as GitHub shows them (needs cmark-gfm)"
    return
  fi
  find . \( -name .git -o -name build -o -name node_modules \) -prune -o \
    -print | sed 's,^\./,,; s,^,file ,' >"$facts"
  # shellcheck disable=SC2013 # no path here has a blank
  for file in $(sed -n '/\.md$/s/^file //p' "$facts"); do
    cmark-gfm --unsafe -e table -e autolink -e tasklist -e strikethrough \
      "$file" | links_of "$file" 1 >>"$facts"
  done
  links_of_diagnoses >>"$facts"
  judge <"$facts" || failed=1
}

in_the_site() {
  if ! cd build/docs/html 2>/dev/null; then
    echo "skipped: links in the site (make docs builds it)"
    return
  fi
  find . -type f | sed 's,^\./,,; s,^,file ,' >"$facts"
  for file in *.html; do
    # shellcheck disable=SC2094 # it reads the page and adds to the facts
    links_of "$file" <"$file" >>"$facts"
  done
  # Doxygen 1.9.4 takes one .html off the addresses in docs/man7.tag.
  if grep -q '\.html\.html$' "$facts"; then
    echo "an address ends in .html.html, see docs/man7.tag"
    failed=1
  fi
  judge <"$facts" || failed=1
}

case $1 in
github) as_on_github ;;
site) in_the_site ;;
*) echo "usage: tools/links.sh github|site" >&2; exit 2 ;;
esac
exit $failed
