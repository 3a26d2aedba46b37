# A step-by-step tutorial on TCP sockets in C. "make help" says what there is.

CC       ?= gcc
WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow
CFLAGS   ?= -O1 -g
STEPS    := $(sort $(notdir $(wildcard steps/[0-9][0-9]-*)))
PROGRAMS := $(patsubst %.c,build/%,$(wildcard steps/*/server.c steps/*/client.c))
GRADER   := $(filter-out checks/witness.c checks/test_%.c,$(wildcard checks/*.c))

.DEFAULT_GOAL := all
all: $(PROGRAMS) build/check build/witness.so

build/steps/%: steps/%.c
	@mkdir -p $(@D)
	$(CC) -std=c11 $(WARNINGS) -g $< -o $@

build/%.o: checks/%.c $(wildcard checks/*.h checks/*.def) Makefile
	@mkdir -p $(@D)
	$(CC) -std=c11 $(WARNINGS) $(CFLAGS) -c $< -o $@

build/check: $(patsubst checks/%.c,build/%.o,$(GRADER))
	$(CC) $^ -o $@

build/witness.so: checks/witness.c checks/witness.h Makefile
	@mkdir -p $(@D)
	$(CC) -std=c11 $(WARNINGS) -O2 -g -shared -fPIC $< -o $@
