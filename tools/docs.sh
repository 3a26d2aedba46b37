#!/bin/sh
# Builds the documentation site into build/docs/html, with what is here:
# doxygen-awesome-css for the looks and Graphviz for the call graphs are used
# where the system has them.
cd "$(dirname "$0")/.." || exit 2
if ! command -v doxygen >/dev/null; then
  echo "the documentation site needs doxygen, which is not here" >&2
  exit 1
fi

awesome=
for directory in /usr/share/doxygen-awesome-css \
  /usr/local/share/doxygen-awesome-css /opt/homebrew/share/doxygen-awesome-css
do
  [ -f "$directory/doxygen-awesome.css" ] && awesome=$directory
done
scripts=docs/theme/tutorial.js
TUTORIAL_AWESOME_CSS=
if [ -n "$awesome" ]; then
  TUTORIAL_AWESOME_CSS=$awesome/doxygen-awesome.css
  for name in darkmode-toggle fragment-copy-button; do
    scripts="$scripts $awesome/doxygen-awesome-$name.js"
  done
else
  echo "without doxygen-awesome-css: the stock theme, no dark mode"
fi
TUTORIAL_HAVE_DOT=YES
if ! command -v dot >/dev/null; then
  TUTORIAL_HAVE_DOT=NO
  echo "without Graphviz: no call graphs; the committed diagrams are shown"
fi

# The header is made from the one of the doxygen that is installed.
rm -rf build/docs
mkdir -p build/docs || exit 2
TUTORIAL_HTML_OUTPUT=docs/html
TUTORIAL_SCRIPTS=$scripts
export TUTORIAL_HTML_OUTPUT TUTORIAL_SCRIPTS TUTORIAL_AWESOME_CSS \
  TUTORIAL_HAVE_DOT
doxygen -w html build/docs/header.raw build/docs/footer.raw \
  build/docs/style.raw Doxyfile || exit 1
{
  # shellcheck disable=SC2016 # \$relpath^ is Doxygen's
  echo '<link rel="icon" href="$relpath^doxygen.svg"/>'
  for script in $scripts; do
    echo "<script src=\"\$relpath^$(basename "$script")\"></script>"
  done
} >build/docs/head
TUTORIAL_HEADER=build/docs/header.html
export TUTORIAL_HEADER
awk '/<html / { sub(/<html /, "<html lang=\"en\" ") }
     /<\/head>/ { while ((getline line <"build/docs/head") > 0) print line }
     { print }' build/docs/header.raw >"$TUTORIAL_HEADER"

doxygen Doxyfile || exit 1
for page in build/docs/html/[0-9][0-9]-*_2[a-z]*_8c.html \
  build/docs/html/[0-9][0-9]-*_2[a-z]*_8c_source.html
do
  awk -f docs/man7.awk -f docs/own-links.awk "$page" >build/docs/page &&
    mv build/docs/page "$page" || exit 1
done
# shellcheck disable=SC2046 # no page has a blank in its name
LC_ALL=C awk -f docs/search.awk $(find build/docs/html -maxdepth 1 \
  -name '*.html' ! -name '*_source.html' ! -name '*README_8md.html' | sort) \
  >build/docs/html/search-data.js
echo "open build/docs/html/index.html"
