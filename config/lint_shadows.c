/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lint_shadows.c: rules that could go without a difference, as others admit all that they do
 * (AWS-101).
 *
 * First within each group. Then across the groups that endpoints carry together: there a rule is
 * needless only if it is so on every endpoint that has it, so each set of groups is looked at,
 * within a bound on all sets together.
 */
#include "linter.h"

#include <errno.h>
#include <stdlib.h>

#include "lint_boxes.h"

#define BOXES_MAX 4000000u /* of all sets of groups */

/* The rules of some groups in one direction, by their number in linter->rules. */
struct pool {
	struct lint_box *boxes;
	struct lint_cover *covers; /* of pool->rules[i] */
	uint32_t *rules;
	size_t box_count, rule_count;
};

/* What is known of each rule once some sets are looked at. */
struct verdicts {
	uint32_t *covered; /* in how many sets a rule is needless */
	uint32_t *holder;  /* by what, in the first of them */
	uint32_t *sets;    /* in how many sets a group is */
	bool *is_told;
};

static void pool_fini(struct pool *pool)
{
	free(pool->boxes);
	free(pool->covers);
	free(pool->rules);
	*pool = (struct pool){0};
}

static bool belongs(const struct linter_rule *rule, enum sekisho_direction direction)
{
	return rule->spec->direction == direction && !rule->is_dead;
}

/* How many boxes the rules of these groups have. */
static size_t count_boxes(const struct linter *linter, const uint16_t *groups, size_t count)
{
	size_t boxes = 0;

	for (size_t g = 0; g < count; g++) {
		for (uint32_t r = linter->group_rules[groups[g]];
		     r < linter->group_rules[groups[g] + 1]; r++)
			boxes += lint_boxes_count(linter->rules[r].spec);
	}
	return boxes;
}

static bool pool_init(struct pool *pool, const struct linter *linter, const uint16_t *groups,
		      size_t count, enum sekisho_direction direction)
{
	size_t boxes = count_boxes(linter, groups, count), rules = 0;
	struct lint_box *end;

	for (size_t g = 0; g < count; g++)
		rules += linter->group_rules[groups[g] + 1] - linter->group_rules[groups[g]];
	*pool = (struct pool){.boxes = malloc((boxes + 1) * sizeof(*pool->boxes)),
			      .covers = malloc((rules + 1) * sizeof(*pool->covers)),
			      .rules = malloc((rules + 1) * sizeof(*pool->rules))};
	if (pool->boxes == NULL || pool->covers == NULL || pool->rules == NULL)
		return false;
	end = pool->boxes;
	for (size_t g = 0; g < count; g++) {
		for (uint32_t r = linter->group_rules[groups[g]];
		     r < linter->group_rules[groups[g] + 1]; r++) {
			if (!belongs(&linter->rules[r], direction))
				continue;
			end = lint_boxes_of(end, linter->rules[r].spec, (uint32_t)pool->rule_count);
			pool->rules[pool->rule_count++] = r;
		}
	}
	pool->box_count = (size_t)(end - pool->boxes);
	return true;
}

static void tell(struct linter *linter, uint32_t needless, uint32_t holder,
		 const struct lint_cover *cover)
{
	const struct linter_rule *rule = &linter->rules[needless], *other = &linter->rules[holder];

	if (cover->is_equal && !cover->by_several &&
	    lint_boxes_count(rule->spec) == lint_boxes_count(other->spec))
		LINTER_SAY_RULE(linter, LINT_DUPLICATE_RULE, rule, "AWS-101",
				"it admits the same as rule %s in line %u", other->spec->name,
				other->spec->line);
	else
		LINTER_SAY_RULE(linter, LINT_SHADOWED_RULE, rule, "AWS-101",
				"all that it admits, rule %s in line %u %s as well",
				other->spec->name, other->spec->line,
				cover->by_several ? "and others admit" : "admits");
}

static void look_within_groups(struct linter *linter, struct verdicts *verdicts)
{
	for (uint32_t g = 0; g < linter->spec->group_count; g++) {
		const uint16_t group = (uint16_t)g;

		if (linter_carriers(linter, g) == 0)
			continue;
		for (unsigned d = 0; d < 2 && !linter->failed; d++) {
			struct pool pool;
			int rc = -ENOMEM;

			if (pool_init(&pool, linter, &group, 1, d))
				rc = lint_boxes_cover(pool.boxes, pool.box_count, pool.covers,
						      pool.rule_count);
			linter->failed = rc == -ENOMEM;
			if (rc == -E2BIG)
				linter_cut(linter);
			for (size_t i = 0; rc == 0 && i < pool.rule_count; i++) {
				const struct lint_cover *cover = &pool.covers[i];

				if (cover->rule == LINT_BOXES_NONE)
					continue;
				tell(linter, pool.rules[i], pool.rules[cover->rule], cover);
				verdicts->is_told[pool.rules[i]] = true;
			}
			pool_fini(&pool);
		}
	}
}

/* One set of groups. Returns what lint_boxes_cover() did. */
static int look_at_set(struct linter *linter, const struct linter_class *class,
		       struct verdicts *verdicts)
{
	int rc = 0;

	for (unsigned d = 0; d < 2 && rc == 0; d++) {
		struct pool pool;

		rc = -ENOMEM;
		if (pool_init(&pool, linter, class->groups, class->group_count, d))
			rc = lint_boxes_cover(pool.boxes, pool.box_count, pool.covers,
					      pool.rule_count);
		for (size_t i = 0; rc == 0 && i < pool.rule_count; i++) {
			uint32_t rule = pool.rules[i];

			if (pool.covers[i].rule == LINT_BOXES_NONE)
				continue;
			if (verdicts->covered[rule]++ == 0)
				verdicts->holder[rule] = pool.rules[pool.covers[i].rule];
		}
		pool_fini(&pool);
	}
	return rc;
}

static bool same_groups(const struct linter_class *a, const struct linter_class *b)
{
	bool same = a->group_count == b->group_count;

	for (size_t i = 0; same && i < a->group_count; i++)
		same = a->groups[i] == b->groups[i];
	return same;
}

static void tell_across(struct linter *linter, const struct verdicts *verdicts)
{
	for (uint32_t r = 0; r < linter->rule_count; r++) {
		const struct linter_rule *rule = &linter->rules[r];
		const struct linter_rule *other = &linter->rules[verdicts->holder[r]];

		if (verdicts->is_told[r] || verdicts->covered[r] == 0 ||
		    verdicts->covered[r] != verdicts->sets[rule->group])
			continue;
		LINTER_SAY_RULE(linter, LINT_SHADOWED_RULE, rule, "AWS-101",
				"all that it admits, rules of other groups admit as well on every "
				"endpoint that has it, as %s in line %u",
				other->spec->name, other->spec->line);
	}
}

static void look_across_groups(struct linter *linter, struct verdicts *verdicts)
{
	size_t boxes = 0;
	bool cut = false;

	for (size_t c = 0; c < linter->class_count && !linter->failed; c++) {
		const struct linter_class *class = &linter->classes[c];

		if (c > 0 && same_groups(class - 1, class))
			continue;
		for (size_t g = 0; g < class->group_count; g++)
			verdicts->sets[class->groups[g]]++;
		if (class->group_count < 2)
			continue;
		boxes += count_boxes(linter, class->groups, class->group_count);
		if (boxes > BOXES_MAX || cut) {
			cut = true; /* its rules will not be in as many sets as they must */
			continue;
		}
		switch (look_at_set(linter, class, verdicts)) {
		case -ENOMEM:
			linter->failed = true;
			break;
		case -E2BIG:
			cut = true;
			break;
		default:
			break;
		}
	}
	if (cut)
		linter_cut(linter);
	tell_across(linter, verdicts);
}

void lint_shadows(struct linter *linter)
{
	struct verdicts verdicts = {
		.covered = calloc(linter->rule_count + 1, sizeof(uint32_t)),
		.holder = calloc(linter->rule_count + 1, sizeof(uint32_t)),
		.sets = calloc(linter->spec->group_count + 1, sizeof(uint32_t)),
		.is_told = calloc(linter->rule_count + 1, sizeof(bool)),
	};

	if (verdicts.covered == NULL || verdicts.holder == NULL || verdicts.sets == NULL ||
	    verdicts.is_told == NULL)
		linter->failed = true;
	else
		look_within_groups(linter, &verdicts);
	if (!linter->failed)
		look_across_groups(linter, &verdicts);
	free(verdicts.covered);
	free(verdicts.holder);
	free(verdicts.sets);
	free(verdicts.is_told);
}
