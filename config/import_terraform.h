/* SPDX-License-Identifier: BSD-3-Clause */
/* import_terraform.h: Terraform's resources (AWS-179..182) into the model. */
#ifndef CONFIG_IMPORT_TERRAFORM_H
#define CONFIG_IMPORT_TERRAFORM_H

#include "import_plan.h"

/* Take what a resource says of groups, rules, lists and interfaces; others are passed over. */
void terraform_take(const struct plan_resource *resource);

#endif
