import t from 'tap'
import { builtInGroups } from '../../src/authz/built-in-groups.ts'
import { ANY } from '../../src/authz/pattern.ts'

/** The groups of each resource that a Kubernetes of 1.29 to 1.37 serves (`-`: the core group), in their order. */
const RESOURCES: Readonly<Record<string, string>> = {
  '-': `bindings componentstatuses configmaps endpoints limitranges namespaces nodes persistentvolumeclaims
    persistentvolumes pods podtemplates replicationcontrollers resourcequotas secrets serviceaccounts services`,
  '- events.k8s.io': 'events',
  apps: 'controllerrevisions statefulsets',
  'apps extensions': 'daemonsets deployments replicasets',
  'extensions networking.k8s.io': 'ingresses networkpolicies',
  batch: 'cronjobs jobs',
  autoscaling: 'horizontalpodautoscalers',
  policy: 'poddisruptionbudgets podsecuritypolicies',
  'discovery.k8s.io': 'endpointslices',
  'networking.k8s.io': 'ingressclasses ipaddresses servicecidrs',
  'rbac.authorization.k8s.io': 'clusterrolebindings clusterroles rolebindings roles',
  'storage.k8s.io':
    'csidrivers csinodes csistoragecapacities storageclasses volumeattachments volumeattributesclasses',
  'scheduling.k8s.io': 'priorityclasses',
  'coordination.k8s.io': 'leases',
  'node.k8s.io': 'runtimeclasses',
  'certificates.k8s.io': 'certificatesigningrequests clustertrustbundles',
  'apiextensions.k8s.io': 'customresourcedefinitions',
  'apiregistration.k8s.io': 'apiservices',
  'admissionregistration.k8s.io': `mutatingwebhookconfigurations validatingadmissionpolicies
    validatingadmissionpolicybindings validatingwebhookconfigurations`,
  'flowcontrol.apiserver.k8s.io': 'flowschemas prioritylevelconfigurations',
  'authentication.k8s.io': 'selfsubjectreviews tokenreviews',
  'authorization.k8s.io':
    'localsubjectaccessreviews selfsubjectaccessreviews selfsubjectrulesreviews subjectaccessreviews',
}

t.test('a resource of Kubernetes has its own groups and no other', async (t) => {
  for (const [groups, resources] of Object.entries(RESOURCES)) {
    const expected = groups.split(' ').map((group) => (group === '-' ? '' : group))
    for (const resource of resources.split(/\s+/)) {
      const pattern = builtInGroups(resource)
      t.same(pattern.texts, expected, resource)
      t.equal(pattern.fits('metrics.k8s.io'), false, resource)
    }
  }
})

t.test('a resource that Kubernetes does not have may be of any group', async (t) => {
  for (const resource of ['', 'virtualmachines', 'pod', 'Pods', 'constructor', '*'])
    t.equal(builtInGroups(resource), ANY, resource)
})
