# Makes the search index from the HTML pages: a record for each section of a
# text page, with its words, and for each symbol of a source page.
# Prints JavaScript: [address, page, heading, words].

BEGIN { print "const SEARCH_RECORDS = [" }
END { flush(); print "];" }

FNR == 1 {
    flush()
    file = FILENAME
    sub(/.*\//, "", file)
    heading = anchor = title = ""
    inside = skip = 0
}

/<div class="title">/ {
    title = plain($0)
    source = file
    if (sub(/_8[ch]\.html$/, "", source)) {
        gsub(/_2/, "/", source)
        gsub(/__/, "_", source)
        title = source (file ~ /_8c/ ? ".c" : ".h")
    }
}
/<h2 class="memtitle">/ {
    anchor = $0
    sub(/.*href="/, "", anchor)
    sub(/".*/, "", anchor)
    sub(/.*<\/span>/, "")
    heading = plain($0)
    flush()
}

/<a class="anchor" id="md_/ { inside = 1; sub(/.*id="md_[^>]*>/, "") }
/<!-- contents -->/ { flush(); heading = ""; inside = 0 }
!inside { next }
/<pre class="fragment diff"/ { skip = 1 }
/<h[1-6]><a class="anchor" id="/ {
    flush()
    anchor = $0
    sub(/.* id="/, "#", anchor)
    sub(/".*/, "", anchor)
    getline
    heading = plain($0)
    sub(/.*<\/h[1-6]>/, "")
}
!skip { words = words " " plain($0) }
/<\/pre>/ { skip = 0 }

function plain(text)
{
    gsub(/<[^>]*>/, " ", text)
    gsub(/&lt;/, "<", text)
    gsub(/&gt;/, ">", text)
    gsub(/&quot;/, "\"", text)
    gsub(/&#160;|&nbsp;/, " ", text)
    gsub(/&amp;/, "\\&", text)
    gsub(/[ \t]+/, " ", text)
    sub(/^ /, "", text)
    sub(/ $/, "", text)
    return text
}

function quoted(text)
{
    gsub(/[\\"]/, "\\\\&", text)
    return "\"" text "\""
}

function flush()
{
    if (words != "" || (heading != "" && !inside))
        print "[" quoted(file anchor) "," quoted(title) "," quoted(heading) \
            "," quoted(words) "],"
    words = ""
    if (!inside)
        heading = anchor = ""
}
