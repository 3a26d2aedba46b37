# TCP sockets in C, step by step. "make help" lists what can be done.

CC       ?= gcc
CFLAGS   ?= -O1 -g
WARNINGS := -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow
STEPS    := $(sort $(notdir $(wildcard steps/[0-9][0-9]-*)))
NUMBERS  := $(patsubst 0%,%,$(foreach s,$(STEPS),$(firstword $(subst -, ,$(s)))))
PROGRAMS := $(patsubst %.c,build/%,$(wildcard steps/*/server.c steps/*/client.c))
GRADER   := $(filter-out witness test_%,$(basename $(notdir $(wildcard checks/*.c))))
HEADERS  := $(wildcard checks/*.h checks/*.def)

.PHONY: all steps grader demo check check-step check-exercise leaks-step \
        diff-step trace-step trace peer hint progress watch reset docs doctor \
        help clean $(NUMBERS)
.NOTPARALLEL: check-step leaks-step diff-step trace-step

all: steps grader
	@echo 'All eight steps are built, in build/steps.'
	@echo 'next: make demo, then read steps/01-socket/README.md'

steps: $(PROGRAMS)

build/steps/%: steps/%.c
	@mkdir -p $(@D)
	@$(CC) $(WARNINGS) -g $< -o $@

# --- the grader: a C program, and the library it preloads ------------------

grader: build/check build/witness.so

build/check: $(GRADER:%=build/grader/%.o)
	@$(CC) $^ -o $@

build/grader/%.o: checks/%.c $(HEADERS)
	@mkdir -p $(@D)
	@$(CC) $(WARNINGS) $(CFLAGS) -c $< -o $@

build/witness.so: checks/witness.c checks/witness.h
	@mkdir -p $(@D)
	@$(CC) $(WARNINGS) -O2 -g -shared -fPIC $< -o $@ -ldl

build/test_%: checks/test_%.c build/grader/child.o
	@$(CC) $(WARNINGS) $(CFLAGS) $^ -o $@ -ldl -pthread

build/test_peer: $(patsubst %,build/grader/%.o,$(filter-out main,$(GRADER)))

build/test_trace: $(addprefix build/grader/,trace_rows.o trace_history.o \
                   trace_run.o trace_draw.o capture.o peer.o log.o)

# --- verbs about a step: make VERB 3, make VERB N=3, make VERB-3 -----------

STEP_VERBS := check-step leaks-step diff-step trace-step watch
VERB       := $(filter $(STEP_VERBS),$(MAKECMDGOALS))

ifneq ($(VERB),)
  DIGITS := $(foreach w,$(MAKECMDGOALS),$(if $(filter 0% 1% 2% 3% 4% 5% 6% 7% 8% 9%,$(w)),$(w)))
  ifneq ($(DIGITS),)
    ifeq ($(origin N),command line)
      $(error Give the step once: "make $(firstword $(VERB)) $(firstword $(DIGITS))" or "make $(firstword $(VERB)) N=$(N)")
    endif
    WANT := $(DIGITS)
  else
    WANT := $(N)
  endif
  WANT := $(patsubst 0%,%,$(strip $(WANT)))
  ifeq ($(WANT)$(E),)
    $(error Which step? For example: "make $(firstword $(VERB)) 3". Steps: $(NUMBERS))
  endif
  BAD := $(filter-out $(NUMBERS),$(WANT))
  ifneq ($(BAD),)
    $(error There is no step "$(BAD)". Steps: $(NUMBERS))
  endif
  $(sort $(NUMBERS) $(DIGITS)): ; @:
else
  $(NUMBERS): ; @echo 'To check step $@: make check-step $@' >&2; exit 2
endif

check-step: $(addprefix check-step-,$(WANT))
leaks-step: $(addprefix leaks-step-,$(WANT))
diff-step:  $(addprefix diff-step-,$(WANT))
trace-step: $(addprefix trace-step-,$(WANT))

$(addprefix check-step-,$(NUMBERS)): check-step-%: grader
	@build/check step $*

$(addprefix leaks-step-,$(NUMBERS)): leaks-step-%: grader
	@build/check leaks $*

$(addprefix diff-step-,$(NUMBERS)): diff-step-%:
	@tools/diff-step.sh $*

TRACE := $(if $(FAULT),--fault $(FAULT)) $(if $(LIKE),--like $(LIKE)) \
         $(if $(SECONDS),--seconds $(SECONDS)) $(if $(ARGS),--args '$(ARGS)') \
         $(if $(ALL),--all)

$(addprefix trace-step-,$(NUMBERS)): trace-step-%: grader
	@$(MAKE) -s --no-print-directory $(filter build/steps/0$*-%,$(PROGRAMS))
	@build/check trace step $* $(TRACE)

# --- verbs about an exercise: make VERB E=03-listen/backlog --------------------

NEEDS_E = $(if $(E),,$(error Which exercise? For example: "make $@ E=03-listen/backlog"; make progress lists them))

check-exercise: grader ; $(NEEDS_E)
	@build/check exercise $(E)

hint: ; $(NEEDS_E)
	@tools/hint.sh $(E)

reset: ; $(NEEDS_E)
	@tools/reset.sh $(E)

watch: grader
ifneq ($(E),)
	@tools/watch.sh exercises/$(E).c -- build/check exercise $(E)
else
	@tools/watch.sh $(wildcard steps/0$(WANT)-*/*.c exercises/0$(WANT)-*/*.c) -- build/check step $(WANT)
endif

progress: grader
	@build/check progress

trace: grader
ifneq ($(PROGRAM),)
	@build/check trace program '$(PROGRAM)' $(if $(WITH),'$(WITH)') $(TRACE)
else ifneq ($(filter list,$(FAULT) $(LIKE)),)
	@build/check trace $(TRACE)
else
	$(NEEDS_E)@build/check trace exercise $(E) $(TRACE)
endif

peer: grader
	@build/check peer $(if $(AS),--as $(AS)) $(if $(PORT),--port $(PORT)) \
	  $(if $(LIKE),--like $(LIKE))

# --- the rest ----------------------------------------------------------------

demo: steps grader
	@build/check demo

check: steps grader $(addprefix build/test_,child peer witness trace)
	@tools/check-all.sh

docs:
	@tools/docs.sh

doctor:
	@tools/doctor.sh

clean:
	rm -rf build

help:
	@tools/help.sh
